// Writes a checkpoint folder that other tools load.
import { existsSync } from 'node:fs'
import { constants, type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BlockJournal, type Resume, writeFolder } from '../files/index.js'
import { isObject, readText } from '../schema/index.js'
import type { WrittenTensor } from '../stream/index.js'
import { checkedBytes } from './bytes.js'
import { copyCompanions } from './companions.js'
import { BITS, TORCH_NAMES, type WritableDtype } from './dtype.js'
import { type Layout, type PlannedShard, type PlannedTensor, planLayout, tensorBytes } from './layout.js'
import { withoutQuantisation } from './quantised.js'
import { rewriteJson } from './spelling.js'

/** The weight files of a folder while they are written. */
export interface WeightFiles {
  /** Where the bytes of a planned tensor go. */
  target(name: string): { file: string; begin: number; dtype: WritableDtype }
  /** Writes a tensor, or a part of one. */
  write(content: TensorContent): Promise<void>
  /** Notes that the caller, or an earlier run, wrote so many entries of a tensor at their place. */
  wrote(name: string, entries: number, earlier?: boolean): void
  /** Where the planned tensors are, and what is finished of them. */
  places: readonly WrittenTensor[]
  journal: BlockJournal
  /** Paths of the files that the description tells of. */
  inputs: readonly string[]
}

/** What the stream of weights yields: values to be rounded to the planned dtype, or bytes to be stored as they are. */
export interface TensorContent {
  name: string
  values?: Float32Array | Float64Array
  bytes?: Uint8Array
  /** Index of the first of `values` in a tensor that comes in parts; 0 unless given. */
  first?: number | undefined
}

export interface WriteOptions {
  /** Every tensor, known before the first is computed. */
  plan: readonly PlannedTensor[]
  /** Each planned tensor once, whole or in parts, in any order; or a function that writes them. */
  tensors: AsyncIterable<TensorContent> | Iterable<TensorContent> | ((files: WeightFiles) => Promise<void>)
  /** config.json, when it is not that of `copyFrom`; its dtype is set to that of most of the weights, and it says of no quantisation. */
  config?: Record<string, unknown> | null | undefined
  /** The config.json that `config` was made from: what is the same in both is written as it stands there. */
  configText?: string | null | undefined
  /** Folder whose files other than weights are copied, including config.json. */
  copyFrom?: string
  /** Folder whose tokenizer is copied instead of that of `copyFrom`. */
  tokenizerFrom?: string | undefined
  /** Files that replace those of `copyFrom` or are added to them; null leaves one out. */
  files?: Readonly<Record<string, string | Uint8Array | null>> | undefined
  /** Text of README.md. */
  card?: string
  /** Further strings for the header of every weight file. */
  metadata?: Record<string, string>
  /** Paths of the files that the description tells of. */
  inputs?: readonly string[]
  /** Card and strings that are known only when the weights are written; the strings have the lengths of those in `metadata`. */
  describe?: (journal: BlockJournal) => Promise<Pick<WriteOptions, 'card' | 'metadata'>>
  /** Called when all weights are written. @throws UserError where an input is not what it was when the work began */
  checkInputs?: () => Promise<void>
  /** Data bytes of one weight file. */
  maxShardBytes?: number
  /** Replace a folder that this program wrote. */
  overwrite?: boolean | undefined
  /** Keep what is finished when the run is stopped, and go on with it. `tensors` must be a function then. */
  resume?: Resume | undefined
  /** Called with the number of bytes of weights that were written just now, or by an earlier run. */
  onBytes?: ((bytes: number, earlier: boolean) => void) | undefined
  /** Called with a sentence about what the folder lacks. */
  onWarning?: (text: string) => void
}

const matrixLayout = ({ plan, maxShardBytes = 5e9, metadata }: WriteOptions): Layout =>
  planLayout(plan, maxShardBytes, { format: 'pt', ...metadata })

/** Throws a UserError as writeFolder does, and for NaN or Inf and values too large for the dtype; nothing is left then. */
export async function writeCheckpoint(folder: string, options: WriteOptions): Promise<void> {
  const layout = matrixLayout(options)
  const { overwrite, resume } = options
  await writeFolder(folder, { overwrite, bytes: layout.bytes, resume }, async (partial, journal) => {
    const described = await writeWeights({ partial, journal }, layout, options)
    await writeCompanions(partial, layout, { ...options, ...described })
  })
}

/** @returns what is known only now */
async function writeWeights(
  { partial, journal }: { partial: string; journal: BlockJournal },
  layout: Layout,
  options: WriteOptions,
): Promise<Pick<WriteOptions, 'card' | 'metadata'>> {
  const { plan, tensors, inputs = [], describe, checkInputs, onBytes } = options
  const handles = new Map<PlannedShard, FileHandle>()
  const left = new Map(plan.map((tensor) => [tensor.name, { tensor, left: tensorBytes(tensor) }]))
  try {
    for (const file of layout.files) {
      const handle = await open(join(partial, file.file), constants.O_RDWR | constants.O_CREAT)
      handles.set(file, handle)
      await writeAt(handle, file.head, 0)
    }
    const files = { ...weightFiles({ partial, left, handles, onBytes }, layout), journal, inputs }
    if (typeof tensors === 'function') await tensors(files)
    else for await (const content of tensors) await files.write(content)
    if (left.size) throw new Error(`planned tensors that never came: ${[...left.keys()].join(', ')}`)
    const final = (await describe?.(journal)) ?? {}
    await checkInputs?.()
    if (describe) await writeHeads(handles, layout, matrixLayout({ ...options, ...final }))
    for (const handle of handles.values()) await handle.sync()
    return final
  } finally {
    for (const handle of handles.values()) await handle.close()
  }
}

interface OpenFiles extends Pick<WriteOptions, 'onBytes'> {
  partial: string
  /** Bytes that are to be written, by tensor; a tensor that is complete is taken out. */
  left: Map<string, { tensor: PlannedTensor; left: number }>
  handles: ReadonlyMap<PlannedShard, FileHandle>
}

function weightFiles(
  { partial, left, handles, onBytes }: OpenFiles,
  layout: Layout,
): Omit<WeightFiles, 'journal' | 'inputs'> {
  const homes = new Map<string, PlannedShard>(
    layout.files.flatMap((file) => [...file.spans.keys()].map((name) => [name, file] as const)),
  )
  const awaitedOf = (name: string) => {
    const awaited = left.get(name)
    if (!awaited) throw new Error(`tensor ${name} is not in the plan, or comes twice`)
    return awaited
  }
  const count = (name: string, bytes: number, how: { whole?: boolean; earlier?: boolean } = {}): void => {
    const awaited = awaitedOf(name)
    if (how.whole && bytes !== awaited.left) throw new Error(`tensor ${name}: ${bytes} bytes, ${awaited.left} planned`)
    awaited.left -= bytes
    if (awaited.left < 0) throw new Error(`tensor ${name}: its parts are longer than the tensor`)
    if (awaited.left === 0) left.delete(name)
    onBytes?.(bytes, how.earlier ?? false)
  }
  return {
    target(name) {
      const home = homes.get(name)!
      const dtype = awaitedOf(name).tensor.dtype as WritableDtype
      return { file: join(partial, home.file), begin: home.spans.get(name)!.begin, dtype }
    },
    async write({ name, ...content }) {
      const { tensor } = awaitedOf(name)
      const bytes = bytesOf(tensor, content)
      count(name, bytes.length, { whole: content.first === undefined })
      const home = homes.get(name)!
      await writeAt(handles.get(home)!, bytes, home.spans.get(name)!.begin + offsetOf(tensor, content))
    },
    places: [...left.values()].map(({ tensor: { name, shape }, left: bytes }) => {
      const home = homes.get(name)!
      return { name, shape, file: join(partial, home.file), begin: home.spans.get(name)!.begin, bytes }
    }),
    wrote: (name, entries, earlier = false) =>
      count(name, (entries * BITS[awaitedOf(name).tensor.dtype]!) / 8, { earlier }),
  }
}

/** Replaces the headers by final ones of the same lengths. */
async function writeHeads(handles: ReadonlyMap<PlannedShard, FileHandle>, draft: Layout, final: Layout): Promise<void> {
  for (const [i, file] of draft.files.entries()) {
    const { head } = final.files[i]!
    if (head.length !== file.head.length) throw new Error(`${file.file}: the final header has another length`)
    await writeAt(handles.get(file)!, head, 0)
  }
}

/** Writes a tensor, or a part of one, at its place in a file that is there already. Any thread may. */
export async function writeTensor(
  tensor: PlannedTensor,
  { file, begin }: { file: string; begin: number },
  content: Omit<TensorContent, 'name'>,
): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await writeAt(handle, bytesOf(tensor, content), begin + offsetOf(tensor, content))
  } finally {
    await handle.close()
  }
}

const bytesOf = (tensor: PlannedTensor, { bytes, values, first }: Omit<TensorContent, 'name'>): Uint8Array =>
  bytes ?? checkedBytes(tensor, values!, first)

/** Bytes of the tensor before this part of it. */
const offsetOf = ({ dtype }: PlannedTensor, { first = 0 }: Omit<TensorContent, 'name'>): number =>
  (first * BITS[dtype]!) / 8

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, Math.min(bytes.length - done, 1 << 30), position + done)).bytesWritten
  }
}

async function writeCompanions(
  partial: string,
  layout: Layout,
  { plan, config, configText, copyFrom, tokenizerFrom, files = {}, card, onWarning }: WriteOptions,
): Promise<void> {
  const json = (name: string, value: object): Promise<void> =>
    writeFile(join(partial, name), `${JSON.stringify(value, null, 2)}\n`)
  if (layout.index) await json(layout.index.name, layout.index.content)
  const own = copyFrom === undefined ? null : join(copyFrom, 'config.json')
  const text = configText ?? (config || own === null || !existsSync(own) ? null : readText(own))
  const wanted = config ?? (text === null ? null : (JSON.parse(text) as Record<string, unknown>))
  if (wanted) {
    const written = withDtype(withoutQuantisation(wanted), dtypeOf(plan))
    await writeFile(
      join(partial, 'config.json'),
      `${(text === null ? JSON.stringify(written, null, 2) : rewriteJson(text, written)).trimEnd()}\n`,
    )
  }
  if (card !== undefined && files['README.md'] !== null) await writeFile(join(partial, 'README.md'), card)
  for (const [name, text] of Object.entries(files)) if (text !== null) await writeFile(join(partial, name), text)
  await copyCompanions(partial, { copyFrom, tokenizerFrom, except: new Set(Object.keys(files)), onWarning })
}

/** The format of most weights in the words of config.json; undefined where they have none. */
function dtypeOf(plan: readonly PlannedTensor[]): string | undefined {
  const bytes = new Map<string, number>()
  for (const tensor of plan)
    if (tensor.dtype in TORCH_NAMES) bytes.set(tensor.dtype, (bytes.get(tensor.dtype) ?? 0) + tensorBytes(tensor))
  const most = [...bytes].sort(([, a], [, b]) => b - a)[0]
  return most && TORCH_NAMES[most[0]]
}

/** config.json says `dtype` (transformers 5) or `torch_dtype`, and so do the parts of a composed model. */
function withDtype(config: Record<string, unknown>, dtype: string | undefined): Record<string, unknown> {
  if (dtype === undefined) return config
  let found = false
  const visit = (key: string, value: unknown): unknown => {
    if (/^(torch_)?dtype$/.test(key) && (value === null || typeof value === 'string')) {
      found = true
      return dtype
    }
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, visit(name, each)]))
      : value
  }
  const own = visit('', config) as Record<string, unknown>
  return found ? own : { torch_dtype: dtype, ...config }
}
