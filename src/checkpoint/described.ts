// What an output says of its inputs, whose hashes are found beside the work.
import { openHasher } from '../stream/index.js'
import type { WriteOptions } from './write.js'

/** Model card, and strings for the headers of weight files. */
export type Description = Required<Pick<WriteOptions, 'card' | 'metadata'>>

/** Finds the SHA-256 of a file. */
export type HashFile = (path: string) => Promise<string>

/** The hash of a file while it is not known: as long as any. */
const DRAFT_HASH = '0'.repeat(64)

/**
 * Runs the work with a draft of its description, and with what finds the true one, of the same length. Inputs are noted in the journal.
 * @param describe makes the description from the hashes of files
 */
export async function withDescription<T>(
  describe: (hash: HashFile) => Promise<Description>,
  work: (options: Description & Required<Pick<WriteOptions, 'describe'>>) => Promise<T>,
): Promise<T> {
  const hasher = openHasher()
  try {
    return await work({
      ...(await describe(async () => DRAFT_HASH)),
      describe: (journal) =>
        describe(async (path) => {
          const sha256 = await hasher.hash(path)
          journal.input(path, sha256)
          return sha256
        }),
    })
  } finally {
    await hasher.close()
  }
}
