// Options that several commands share, and checks of their values.
import { existsSync } from 'node:fs'
import type { DtypeName } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { expandPath } from '../schema/index.js'
import type { BackendName } from '../tensor/index.js'

/** The names of tensor/backend.ts, which is not imported so that help does not load TensorFlow.js; the compiler compares the two. */
const BACKENDS: Record<BackendName, true> = { auto: true, tensorflow: true, webgpu: true, wasm: true, cpu: true }

export const BACKEND = {
  choices: Object.keys(BACKENDS) as BackendName[],
  default: 'auto' as BackendName,
  describe: 'TensorFlow.js backend; auto is tensorflow if installed, else wasm',
}

/** Of commands that make weights. */
export const WEIGHTS_BACKEND = {
  ...BACKEND,
  describe: 'cpu is plain JavaScript; any other is wasm here, so that the same weights come out on every machine',
}

/** The names of checkpoint/dtype.ts, which is not imported so that help stays fast; the compiler compares the two. */
const DTYPES: Record<DtypeName, true> = { float32: true, bfloat16: true, float16: true }

/** The short words of other tools. */
const SHORT_DTYPES: Readonly<Record<string, DtypeName>> = {
  f32: 'float32',
  fp32: 'float32',
  bf16: 'bfloat16',
  f16: 'float16',
  fp16: 'float16',
}

/** The format in which a command writes. */
export const DTYPE = {
  choices: Object.keys(DTYPES) as DtypeName[],
  coerce: (word: string) => SHORT_DTYPES[word.toLowerCase()] ?? (word as DtypeName),
}

/** The format of what a codec stores. */
export const VALUES = { ...DTYPE, choices: [...DTYPE.choices, 'weight' as const] }

const TASK_WORDS = 'Name from `deltalab tasks`, or a task file: card (.yaml) or items (.jsonl)'

/** The one task of a command; `readTask` takes it, or a text. */
export const TASK = {
  type: 'string' as const,
  alias: 'tasks',
  describe: TASK_WORDS,
  coerce: (text: string) => {
    const [task, ...others] = splitTasks(text)
    if (others.length === 0) return task!
    throw new UserError(`--task is one task here; got ${text}: call the command once for each`, { exitCode: 2 })
  },
}

/** The tasks of a command that takes several. */
export const TASKS = {
  type: 'string' as const,
  alias: 'tasks',
  array: true as const,
  nargs: 1,
  describe: `${TASK_WORDS}; several with commas between, or repeat it`,
  coerce: (given: string[]) => given.flatMap(splitTasks),
}

/** `math,code` → its tasks. A file whose path has a comma is one. @throws UserError (usage) where one is empty */
function splitTasks(text: string): string[] {
  const names = existsSync(text) ? [text] : text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new UserError(`--task ${JSON.stringify(text)}: a name is empty`, { exitCode: 2 })
  return names.map((name) => expandPath(name))
}

/** Where eval and attribute keep what they measure. */
export const MEASURED = {
  type: 'string' as const,
  coerce: expandPath,
  describe:
    'Results folder of a sweep: what is measured there counts, and new measurements of base and post are kept in it',
}

export const ALLOW_CODE = {
  type: 'boolean' as const,
  default: false,
  describe: 'Allow tasks such as HumanEval and MBPP to run programs that the model writes, each isolated',
}

export const AS_JSON = { type: 'boolean' as const, default: false, describe: 'Print the result as JSON' }

/** A required word that names a file, a folder or a model. */
export const place = (describe: string) => ({
  type: 'string' as const,
  demandOption: true as const,
  describe,
  coerce: expandPath,
})
export const BASE = place('Base model: folder, base+delta file, or org/name[@revision] on the hub')
export const POST = place(
  'Post-trained model: folder, adapter or delta file of the base, or org/name[@revision][:delta file] on the hub',
)
export const MODEL = place('Model: folder, adapter, base+delta file, or org/name[@revision][:delta file] on the hub')
/** Results folders that are read as one. */
export const RESULTS = {
  type: 'string' as const,
  array: true as const,
  describe: 'Results folder of a sweep; several are read as one',
  coerce: (folders: string[]) => folders.map((folder) => expandPath(folder)),
}

/** The output of a command that may do without one. */
export const outPlace = (describe: string) => ({ type: 'string' as const, alias: 'o', describe, coerce: expandPath })
export const OUT_FOLDER = { ...place('Output folder; it is complete or absent'), alias: 'o' }

export const OVERWRITE = {
  type: 'boolean' as const,
  default: false,
  describe: 'Replace the output if deltalab wrote it; other files are never deleted',
}

export const IGNORE_UNMATCHED = {
  type: 'boolean' as const,
  default: false,
  describe: 'Skip tensors that only one model has or that differ in shape, such as task heads',
}

export const DISCARD = {
  type: 'boolean' as const,
  default: false,
  describe: 'Start anew: drop what an interrupted run of the same command finished',
}

const SHARD_SIZE = {
  type: 'number' as const,
  default: 5,
  describe: 'Largest weight file, in GB',
  coerce: (gigabytes: number) => {
    if (gigabytes > 0) return gigabytes
    throw new UserError(`--shard-size must be a number of GB above 0; got ${gigabytes}`, { exitCode: 2 })
  },
}

/** @throws UserError (usage) unless every value given is a positive integer. */
export function checkCounts(counts: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new UserError(`--${name} must be a positive integer; got ${value}`, { exitCode: 2 })
    }
  }
}

/** @throws UserError (usage) unless a seed is a whole number, 0 or above, that is held exactly. */
export function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new UserError(`--seed must be a whole number ≥ 0; got ${seed}`, { exitCode: 2 })
}

/** `task,label` → its names; undefined when the option was not given. */
export function splitNames(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0)
    throw new UserError('a list of columns is empty: write names with commas between', { exitCode: 2 })
  return names
}

export const TOKENIZER = {
  type: 'string' as const,
  describe:
    "Folder with tokenizer.json, or its model on the hub, where the model's own tokenizer is not meant or not read",
}
export const MEMORY = {
  type: 'string' as const,
  describe:
    'Memory bound for tensors, e.g. 2GB; weights are then read block by block. The process takes about 300 MB more',
}

/** Of commands that stream weights through worker threads. */
export const STREAM = {
  memory: {
    type: 'string' as const,
    default: '1GB',
    describe: 'Memory bound of the whole process, e.g. 2GB or 300MB',
  },
  jobs: { type: 'number' as const, describe: 'Worker threads; by default one for each core' },
}

export const CORES = {
  type: 'number' as const,
  describe: 'Processor cores to use; default all, which on a cluster may be more than a job has asked for',
}

/** Of commands that write a checkpoint so. */
export const WRITING = {
  'dry-run': {
    type: 'boolean' as const,
    default: false,
    describe: 'Check everything from headers, print the cost, and write nothing',
  },
  'shard-size': SHARD_SIZE,
  overwrite: OVERWRITE,
  discard: DISCARD,
  ...STREAM,
}

/** What was given for STREAM. @throws UserError (usage) */
export function readStream({ jobs, memory }: { jobs?: number | undefined; memory?: string | undefined }) {
  checkCounts({ jobs })
  return { jobs, memory: readMemory(memory) }
}

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** `2GB`, `1.5 GiB`, `800MB` → bytes; undefined stays. @throws UserError (usage) */
export function readMemory(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit] = /^([\d.]+)\s*([a-z]+)$/i.exec(text) ?? []
  const bytes = Number(number) * UNITS[unit?.toUpperCase() ?? '']!
  if (!(bytes > 0))
    throw new UserError(`--memory must be an amount like 2GB or 800MB; got ${JSON.stringify(text)}`, { exitCode: 2 })
  return bytes
}
