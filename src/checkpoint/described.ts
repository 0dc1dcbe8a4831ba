// What an output says of its inputs, whose checksums are known when all is read.
import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { checkUnchanged, type FileStates, fileState } from '../files/index.js'
import { inputChecksum, readRest, type StreamEngine } from '../stream/index.js'
import type { Checkpoint } from './checkpoint.js'
import type { WriteOptions } from './write.js'

/** Model card, and strings for the headers of weight files. */
export type Description = Required<Pick<WriteOptions, 'card' | 'metadata'>>

/** Says which content a file has. */
export type NameContent = (path: string) => Promise<string>

/** The content of the files that a model is read from, by their names. */
export async function contentsOf(
  { sources, hashes }: Checkpoint,
  content: NameContent,
): Promise<Record<string, string>> {
  if (!sources) return hashes(content)
  return Object.fromEntries(await Promise.all(sources.map(async (path) => [basename(path), await content(path)])))
}

/** What an output calls a model. */
export const checkpointName = ({ folder, sources }: Checkpoint): string => basename(resolve(sources?.[0] ?? folder))

/** What a card says of these names. */
export const CONTENT_NAME = {
  heading: 'content',
  meaning:
    'The checksum is that of the 32-bit words w1, w2, … of the file, little-endian and the last filled up with zeros: the sums of wi and of i wi, ' +
    'each modulo 2^64, in hexadecimal.',
}

/** Size and checksum, as headers and cards name the content of a file. */
const contentName = (path: string, sum: string): string => `${statSync(path).size} bytes, checksum ${sum}`

/** The checksum of a file while it is not known: as long as any. */
const DRAFT_SUM = '0'.repeat(32)

/**
 * Runs the work with a draft of its description, and with what finds the true one, of the same length. What is read of inputs is noted in
 * the journal; they must be the same files at the end of the work: threads open them at different moments.
 * @param describe makes the description from the contents of files
 * @param engine reads what the work does not read
 */
export async function withDescription<T>(
  describe: (content: NameContent) => Promise<Description>,
  engine: StreamEngine,
  work: (options: Description & Required<Pick<WriteOptions, 'inputs' | 'describe' | 'checkInputs'>>) => Promise<T>,
): Promise<T> {
  const states: FileStates = {}
  const draft = await describe(async (path) => {
    states[path] = await fileState(path)
    return contentName(path, DRAFT_SUM)
  })
  const inputs = Object.keys(states)
  return await work({
    ...draft,
    inputs,
    async describe(journal) {
      await readRest(engine, journal, inputs)
      return describe(async (path) => contentName(path, inputChecksum(journal, path)))
    },
    checkInputs: () => checkUnchanged(states),
  })
}
