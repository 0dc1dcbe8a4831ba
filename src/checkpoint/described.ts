// What an output says of its inputs, whose hashes are found in the course of the work.
import { checkUnchanged, type FileStates, fileState } from '../files/index.js'
import type { StreamEngine } from '../stream/index.js'
import type { WriteOptions } from './write.js'

/** Model card, and strings for the headers of weight files. */
export type Description = Required<Pick<WriteOptions, 'card' | 'metadata'>>

/** Finds the SHA-256 of a file. */
export type HashFile = (path: string) => Promise<string>

/** The hash of a file while it is not known: as long as any. */
const DRAFT_HASH = '0'.repeat(64)

/**
 * Runs the work with a draft of its description, and with what finds the true one, of the same length. Inputs are noted in the journal,
 * and must be the same files at the end of the work: threads open them at different moments.
 * @param describe makes the description from the hashes of files
 * @param engine finds the hashes
 */
export async function withDescription<T>(
  describe: (hash: HashFile) => Promise<Description>,
  engine: Pick<StreamEngine, 'hash'>,
  work: (options: Description & Required<Pick<WriteOptions, 'describe' | 'checkInputs'>>) => Promise<T>,
): Promise<T> {
  const states: FileStates = {}
  const draft = await describe(async (path) => {
    states[path] = await fileState(path)
    return DRAFT_HASH
  })
  return await work({
    ...draft,
    describe: (journal) =>
      describe(async (path) => {
        const sha256 = await engine.hash(path)
        journal.input(path, sha256)
        return sha256
      }),
    checkInputs: () => checkUnchanged(states),
  })
}
