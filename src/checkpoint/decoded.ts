// The door where quantised weights become weights: a view of a folder whose coded tensors are decoded under their own names and
// shapes, and whose scales are no tensors. Everything that opens a folder goes through it.

import { UserError } from '../errors/index.js'
import type { Interval } from '../kernels/index.js'
import { checkedBytes } from './bytes.js'
import type { Checkpoint, OpenFolderOptions } from './checkpoint.js'
import { type Coded, type Quantisation, STATE, type Stored, TORCHAO } from './coded.js'
import { readLines } from './computed-tensors.js'
import { countNonFinite, notFinite, TORCH_NAMES, tableOf, WRITABLE, type WritableDtype } from './dtype.js'
import { readFp4 } from './fp4.js'
import type { TensorEntry } from './header.js'
import { tensorBytes } from './layout.js'
import { readPacked } from './packed.js'
import { recognise, withoutQuantisation } from './quantised.js'
import { isScaled, readScaled } from './scaled.js'

/** Values decoded at a time. */
const PORTION = 1 << 20

/** Tensors of activations and caches, which are no weights. */
const SIDE = /((^|\.)(input|output|[qkv]|kv|prob)_(scale|scale_ub|zero_point|global_scale)|activation_scale)$/
/** Tensors that belong to codes. */
const PART =
  /(_scale_inv|\.(weight_scale|SCB|absmax|nested_absmax|quant_map|nested_quant_map|weight_zero_point|weight_g_idx|weight_format|weight_shape|weight_packed|weight_global_scale|qweight|qzeros)|\.quant_state\.\w+|(^|\.)_[^.]+_(qdata|scale|zero_point))$/

/**
 * The checkpoint itself where nothing is quantised. Decoded weights are float32; they are written in the format that config.json
 * gives the model, so that all of it has one, else in that which the file says they had, else in BF16.
 * @throws UserError for what is not decoded, by its name; for a config and tensors that disagree; for codes without their scales
 */
export async function decodeCheckpoint(
  checkpoint: Checkpoint,
  bytes: Stored['bytes'],
  { keepsCodes = false }: OpenFolderOptions = {},
): Promise<Checkpoint> {
  const { folder, config } = checkpoint
  const stored: Stored = { folder, tensors: checkpoint.tensors, bytes }
  const said = recognise(stored, config)
  const byStored = await readCoded(stored, said, config)
  const coded = new Map([...byStored.values()].map((each) => [each.name, each]))
  const partners = new Set([...coded.values()].flatMap(({ partners }) => partners))
  const quantised = said !== null || coded.size > 0
  const usual = WRITABLE.find((dtype) => TORCH_NAMES[dtype] === wordOf(config))
  const tensors = new Map<string, TensorEntry>()
  for (const [name, entry] of stored.tensors) {
    const found = byStored.get(name)
    if (found && found.name !== name && stored.tensors.has(found.name))
      throw new UserError(
        `${folder}: tensor ${JSON.stringify(found.name)} stands there twice: plain, and as codes in ${name}`,
      )
    if (found) tensors.set(found.name, entryOf(entry, found, usual ?? found.dtype ?? 'BF16'))
    else if (!partners.has(name) && !(quantised && SIDE.test(name))) {
      if (keepsCodes && isPart(name, quantised)) continue
      if (!keepsCodes) checkPlain(folder, entry, said, quantised)
      tensors.set(name, entry)
    }
  }
  if (said && !coded.size && !keepsCodes) checkPurpose(folder, said)
  if (!quantised) return { ...checkpoint, tensors }

  const read = async (name: string, from: number, to: number): Promise<Float32Array> => {
    const { shape, lines } = coded.get(name)!
    const columns = shape.at(-1) ?? 1
    const values = new Float32Array((to - from) * columns)
    const step = Math.max(1, Math.floor(PORTION / columns))
    for (let at = from; at < to && columns; at += step)
      values.set(await lines(at, Math.min(to, at + step)), (at - from) * columns)
    const bad = countNonFinite(values)
    if (bad.count)
      throw notFinite(`${tensors.get(name)!.file}: tensor ${JSON.stringify(name)}`, values, bad, from * columns)
    return values
  }
  const decoded = (name: string, entries: Interval | null = null) =>
    readLines(coded.get(name)!.shape, entries, ({ from, to }) => read(name, from, to))
  const formats = [...new Set([...coded.values()].map(({ format }) => format))]
  const dtypes = [...new Set([...coded.keys()].map((name) => tensors.get(name)!.dtype))]
  return {
    ...checkpoint,
    config: config && withoutQuantisation(config),
    decoded: coded.size
      ? `${coded.size} weights are decoded from ${formats.join(' and ')} and count as ${dtypes.join(' and ')}`
      : undefined,
    tensors,
    read: async (name) => (coded.has(name) ? decoded(name) : checkpoint.read(name)),
    readEntries: (name, entries) => (coded.has(name) ? decoded(name, entries) : checkpoint.readEntries(name, entries)),
    place: (name) => (coded.has(name) ? null : checkpoint.place(name)),
    readBytes: async (name) =>
      coded.has(name) ? checkedBytes(tensors.get(name)!, await decoded(name)) : checkpoint.readBytes(name),
  }
}

type Config = Checkpoint['config']

/** By the name of the stored tensor of their codes. */
async function readCoded(stored: Stored, said: Quantisation | null, config: Config): Promise<Map<string, Coded>> {
  const { tensors } = stored
  const states = new Map(
    [...tensors.keys()].filter((name) => STATE.test(name)).map((name) => [name.replace(STATE, ''), name]),
  )
  const coded = new Map<string, Coded>()
  for (const { name, dtype } of tensors.values()) {
    const state = states.get(name)
    const packed = readPacked(stored, name, said) ?? readFp4(stored, name, said)
    if (packed) coded.set(name, await packed)
    else if (state) {
      const { readFourBit } = await import('./bitsandbytes.js')
      coded.set(name, await readFourBit(stored, name, state, said?.entry.bnb_4bit_quant_type))
    } else if (dtype === 'I8' && name.endsWith('.weight') && tensors.has(name.replace(/weight$/, 'SCB'))) {
      const { readInt8 } = await import('./bitsandbytes.js')
      coded.set(name, await readInt8(stored, name))
    } else if (said?.method === 'torchao' && TORCHAO.test(name)) {
      const { readTorchao } = await import('./torchao.js')
      coded.set(name, await readTorchao(stored, name))
    } else if (isScaled(stored, name)) coded.set(name, readScaled(stored, name, said))
    else if (!said && /^F8_E[45]M[32]$/.test(dtype) && wordOf(config).startsWith('float8'))
      coded.set(name, readCast(stored, name))
  }
  return coded
}

/** Where config.json says that the weights themselves are fp8, they were cast and have no scales. */
function readCast({ tensors, bytes }: Stored, name: string): Coded {
  const { dtype, shape } = tensors.get(name)!
  const [table, columns] = [tableOf(dtype)!, shape.at(-1) ?? 1]
  return {
    name,
    format: 'fp8 without scales',
    shape,
    partners: [],
    lines: async (from, to) =>
      Float32Array.from(await bytes(name, from * columns, to * columns), (code) => table[code]!),
  }
}

/** The word of config.json for the format of the weights. */
function wordOf(config: Config): string {
  const text = config?.text_config as Config | undefined
  return String(config?.dtype ?? config?.torch_dtype ?? text?.dtype ?? text?.torch_dtype).replace(/^torch\./, '')
}

const entryOf = (entry: TensorEntry, { name, shape }: Coded, dtype: WritableDtype): TensorEntry => ({
  ...entry,
  name,
  dtype,
  shape: [...shape],
  end: entry.begin + tensorBytes({ dtype, shape }),
})

/** compressed-tensors also describes weights that were left plain, and caches alone. @throws UserError for others of which no tensor is coded */
function checkPurpose(folder: string, { method, entry }: Quantisation): void {
  if (method === 'compressed-tensors' && (entry.format === 'dense' || entry.kv_cache_scheme)) return
  throw new UserError(
    `${folder}: config.json says that weights are quantised (${method}), but no tensor is; take quantization_config out of it if they are plain`,
  )
}

/** Whether a tensor belongs to codes, by its name. */
const isPart = (name: string, quantised: boolean): boolean =>
  PART.test(name) && (quantised || !name.endsWith('.weight_scale'))

/** @throws UserError for a tensor that is left as it is, and is of codes, or of their scales */
function checkPlain(folder: string, { name, dtype }: TensorEntry, said: Quantisation | null, quantised: boolean): void {
  const where = `${folder}: tensor ${JSON.stringify(name)}`
  if (isPart(name, quantised))
    throw new UserError(`${where} belongs to a quantised weight, which is missing or not quantised`)
  // Integers that count or point, such as position_ids, are no weights; tables of complex numbers are computed, and are kept as they are.
  const packed = /(^|[._])weight$/.test(name) && /^[IU](8|16|32)$/.test(dtype)
  if (!/^(F8_|F6_|F4$|I8$)/.test(dtype) && !packed) return
  const missing = missingFor(name, dtype, said)
  throw new UserError(
    `${where} is ${dtype}, which is ${missing ? `no weight without its scales, and ${missing} is missing` : 'not read as weights'}`,
  )
}

/** The tensor that codes of this kind lack. */
function missingFor(name: string, dtype: string, said: Quantisation | null): string | null {
  if (!tableOf(dtype) && dtype !== 'U8') return null
  const [scale, block, scb, state] = [
    `${name}_scale`,
    `${name}_scale_inv`,
    name.replace(/weight$/, 'SCB'),
    `${name}.quant_state.bitsandbytes__nf4`,
  ]
  if (said?.method === 'bitsandbytes') return said.entry.load_in_4bit ? state : scb
  if (said) return said.method === 'fp8' ? block : scale
  return dtype === 'U8' ? state : dtype === 'I8' ? `${scb} or ${scale}` : `${block} or ${scale}`
}
