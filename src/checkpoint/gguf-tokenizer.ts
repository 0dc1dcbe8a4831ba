// The tokenizer of a GGUF file as the two files that all who read tokenizers expect, in a temporary folder: one for each file that is
// open in this process.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { makeTemporary } from '../files/index.js'
import { type GgufFile, tokenizerOf } from '../gguf/index.js'

export interface GgufCompanions {
  /** Folder with tokenizer.json and tokenizer_config.json; null where the file describes none that is read. */
  folder: string | null
  /** Why there is none. */
  fault?: string
  notes: readonly string[]
  close(): void
}

interface Made extends GgufCompanions {
  /** How often it is open. */
  open: number
}

const made = new Map<string, Made>()

/** @param path of the file, whose fields must hold the lists of TOKENIZER_LISTS */
export function openGgufTokenizer(path: string, { fields }: GgufFile): GgufCompanions {
  const { size, mtimeMs } = statSync(path)
  const key = `${path} ${size} ${mtimeMs}`
  const one = made.get(key) ?? makeCompanions(path, fields, () => made.delete(key))
  made.set(key, one)
  one.open++
  let closed = false
  const close = () => {
    if (closed) return
    closed = true
    if (--one.open === 0) one.close()
  }
  return { ...one, close }
}

function makeCompanions(path: string, fields: GgufFile['fields'], forget: () => void): Made {
  try {
    const { file, config, notes } = tokenizerOf(fields)
    const { path: folder, remove } = makeTemporary('tokenizer')
    writeFileSync(join(folder, 'tokenizer.json'), `${JSON.stringify(file)}\n`)
    writeFileSync(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
    const close = () => {
      forget()
      remove()
    }
    return { folder, notes: notes.map((text) => `${path}: ${text}`), open: 0, close }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const fault = `${path}: ${error.message}: name a folder with tokenizer.json (--tokenizer, or "tokenizer" of a model in YAML)`
    return { folder: null, fault, notes: [], open: 0, close: forget }
  }
}
