// The tokenizer of a GGUF file as the two files that all who read tokenizers expect, in a temporary folder: one for each file that
// is opened, for this thread and those that it starts.
import { statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { UserError } from '../errors/index.js'
import { makeTemporary } from '../files/index.js'
import { type GgufFile, tokenizerOf } from '../gguf/index.js'

export interface GgufCompanions {
  /** Folder with tokenizer.json and tokenizer_config.json; null where the file describes none that is read. */
  folder: string | null
  /** Why there is none. */
  fault?: string
  notes: readonly string[]
}

/** @param path of the file, whose fields must hold the lists of TOKENIZER_LISTS */
export function ggufTokenizer(path: string, { fields }: GgufFile): GgufCompanions {
  const { size, mtimeMs } = statSync(path)
  // Threads that are started later find it too.
  const key = `deltalab tokenizer of ${resolve(path)} ${size} ${mtimeMs}`
  const known = getEnvironmentData(key) as unknown as GgufCompanions | undefined
  if (known) return known
  const found = makeCompanions(path, fields)
  setEnvironmentData(key, found as unknown as Parameters<typeof setEnvironmentData>[1])
  return found
}

function makeCompanions(path: string, fields: GgufFile['fields']): GgufCompanions {
  try {
    const { file, config, notes } = tokenizerOf(fields)
    // Whoever was told of it may read it later: it stays until this thread ends.
    const { path: folder } = makeTemporary('tokenizer')
    writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(file)}\n`)
    writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
    return { folder, notes: notes.map((text) => `${path}: ${text}`) }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const fault = `${path}: ${error.message}: name a folder with tokenizer.json (--tokenizer, or "tokenizer" of a model in YAML)`
    return { folder: null, fault, notes: [] }
  }
}
