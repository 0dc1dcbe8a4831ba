// The steps of a run, one line each, from which an interrupted run resumes. The moves so far are the whole state, because
// directions are drawn again from their numbers.
import { appendFile, readFile, rm } from 'node:fs/promises'
import { z } from 'zod'
import { UserError } from '../errors/index.js'
import { attempt, writeWhole } from '../files/index.js'
import { checkValue, parseJson } from '../schema/index.js'

/** A step of MeZO, or a round of FedKSeed. */
export interface Entry {
  /** Steps made, this one counted; those of all clients. */
  step: number
  /** Training loss, nats per token. */
  loss: number
  /** Directions walked along, and how far. */
  moves: [direction: number, scalar: number][]
}

const Made: z.ZodType<Entry> = z.object({
  step: z.int(),
  loss: z.number(),
  moves: z.array(z.tuple([z.int(), z.number()])),
})

/** The earlier steps of a run, and where it records new ones. */
export interface Journal {
  past: readonly Entry[]
  add(entry: Entry): Promise<void> | void
}

/** A journal on disk. A line that was cut off is dropped. @throws UserError when it belongs to a run with other settings. */
export async function openJournal(file: string, identity: string): Promise<Journal & { remove(): Promise<void> }> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const [first, ...lines] = text.split('\n').slice(0, -1)
  if (first !== undefined && first !== identity) {
    throw new UserError(
      `${file}: belongs to a run with other settings; choose another --out, or delete the file to start again`,
    )
  }
  await writeWhole(file, [identity, ...lines, ''].join('\n'))
  return {
    past: lines.map((line, i) => checkValue(Made, parseJson(line, `${file}:${i + 2}`), `${file}:${i + 2}`)),
    add: (entry) => attempt(file, () => appendFile(file, `${JSON.stringify(entry)}\n`)),
    remove: () => rm(file),
  }
}
