// A file that is whole or absent, and taken up again where a run was stopped: it grows in a folder beside its name, with a journal.
import { rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isFilled } from './folder.js'
import type { BlockJournal } from './journal.js'
import { finishInterrupted, holdName } from './leftovers.js'
import { openPartial, type PartialFolder, type Resume, removePartial } from './partial.js'

/**
 * Writes a file as writeFolder does a folder. A file of that name is replaced.
 * @param fill writes the file of the name that it is given, over what an earlier run left of it, and keeps the journal
 * @throws UserError for a name that another process holds; an error leaves nothing
 */
export async function writeResumed(
  file: string,
  resume: Resume,
  fill: (draft: string, journal: BlockJournal) => Promise<void>,
): Promise<void> {
  const target = resolve(file)
  const release = holdName(file, target)
  let partial: PartialFolder | undefined
  const draftIn = (folder: string): string => join(folder, 'draft')
  try {
    await finishInterrupted(file, target)
    for (;;) {
      partial = await openPartial(file, target, resume)
      if (await isFilled(file, partial, (folder, journal) => fill(draftIn(folder), journal), resume)) break
      partial = undefined
    }
    await rename(draftIn(partial.path), target)
  } finally {
    if (partial) removePartial(partial)
    release()
  }
}
