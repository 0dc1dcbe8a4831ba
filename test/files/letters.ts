// Fills a folder with a file `text`: at once, or letter by letter, each a block of the journal.
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { BlockJournal } from '../../src/files/journal.js'

export const fillAtOnce = (text: string) => (folder: string) => promises.writeFile(join(folder, 'text'), text)

/** Goes on where the journal ends. @param say is told of what is done, and of each letter before it is written @param wait milliseconds before a letter */
export const fillLetters =
  (text: string, say: (note: string) => void, wait: (at: number) => number = () => 0) =>
  async (folder: string, journal: BlockJournal): Promise<void> => {
    const handle = fs.openSync(join(folder, 'text'), fs.constants.O_RDWR | fs.constants.O_CREAT)
    say(`${journal.done.size} letters are done`)
    for (let at = 0; at < text.length; at++) {
      const checksum = String(text.charCodeAt(at))
      if (journal.done.get(String(at)) === checksum) continue
      say(`letter ${at}`)
      if (wait(at)) await setTimeout(wait(at))
      fs.writeSync(handle, text[at]!, at)
      journal.add(String(at), checksum)
    }
    fs.closeSync(handle)
  }
