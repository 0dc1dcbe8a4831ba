// The inputs of `npm run bench merge`: a base and two fine-tunes of random weights in bf16, in memory where there is room.
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { deltalab, type Figure, measureProgram } from './processes.js'

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
}
export const FULL = {
  ...LLAMA,
  hidden_size: 1024,
  intermediate_size: 2816,
  num_hidden_layers: 16,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  vocab_size: 32000,
}
/** To try the benchmark itself. */
const SMALL = {
  ...LLAMA,
  hidden_size: 256,
  intermediate_size: 704,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  vocab_size: 8000,
}
/** Of a billion parameters: 988M. */
export const BILLION = {
  ...LLAMA,
  hidden_size: 2048,
  intermediate_size: 5632,
  num_hidden_layers: 19,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  vocab_size: 32000,
}
const PARAMETERS = { full: 245_924_864, small: 10_522_880 }

/** Free bytes per parameter: six models in bf16 (the inputs, an output of each tool, the copy of the floor), and some to spare. */
const ROOM = 14
/** Bytes of memory that the tools themselves need. */
const WORK = 4e9

export interface Trio {
  /** The folder of them all. */
  root: string
  /** Where that is, in words. */
  files: string
  base: string
  tuned: readonly [string, string]
  parameters: number
  /** What `deltalab random` took for each of the three. */
  written: Figure[]
}

/**
 * Writes the three models into a new folder, which goes with the process: the fine-tunes are the base plus 2 % of other
 * random weights.
 */
export async function writeTrio(small: boolean): Promise<Trio> {
  const parameters = PARAMETERS[small ? 'small' : 'full']
  const inMemory = hasRoom(ROOM * parameters)
  const root = mkdtempSync(join(inMemory ? '/dev/shm' : tmpdir(), 'deltalab-bench-'))
  // What is left in /dev/shm takes memory until the machine starts again.
  process.once('exit', () => rmSync(root, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const at = (name: string) => join(root, name)
  writeFileSync(at('config.json'), JSON.stringify(small ? SMALL : FULL))
  const write = (name: string, ...words: string[]) =>
    measureProgram(deltalab('random', at('config.json'), '--out', at(name), ...words))
  // mergekit copies a tokenizer, and complains where there is none.
  const written = [await write('base', '--tokenizer', 'checkpoints/small/base')]
  for (const seed of ['1', '2']) written.push(await write(`tuned-${seed}`, '--near', at('base'), '--seed', seed))
  const files = inMemory ? '/dev/shm (in memory)' : 'the folder of temporary files'
  return { root, files, base: at('base'), tuned: [at('tuned-1'), at('tuned-2')], parameters, written }
}

/** True when /dev/shm has room for so many bytes of files, and memory is left to work with: what lies there takes memory. */
export function hasRoom(bytes: number): boolean {
  if (!existsSync('/dev/shm')) return false
  const { bavail, bsize } = statfsSync('/dev/shm')
  const available = /^MemAvailable:\s*(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))
  const memory = available ? Number(available[1]) * 1024 : freemem()
  return bavail * bsize > bytes && memory > bytes + WORK
}
