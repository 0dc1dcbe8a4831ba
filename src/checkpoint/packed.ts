// Weights of a few bits that are packed in words of 32: GPTQ, AWQ (gemm), and pack-quantized of compressed-tensors. One rule: weight =
// (code − zero point) · scale of its group, rounded once to float32.
import { UserError } from '../errors/index.js'
import { countEntries, type Interval } from '../kernels/index.js'
import { type Coded, columnBytes, floats, isCodes, type Quantisation, type Stored } from './coded.js'
import { decode } from './dtype.js'

/** In a word of AWQ the column c of eight lies in the nibble of this number. */
const AWQ_NIBBLE = [0, 4, 1, 5, 2, 6, 3, 7]

/** What GPTQ took from every zero point, of a whole word. */
const ONES: Readonly<Record<number, number>> = { 2: 0x55555555, 4: 0x11111111, 8: 0x01010101 }

/** The weight whose codes a stored tensor holds; null for a tensor that holds none of these. */
export function readPacked(stored: Stored, name: string, said: Quantisation | null): Promise<Coded> | null {
  if (!said) return null
  const base = name.slice(0, name.lastIndexOf('.'))
  if (name.endsWith('.qweight'))
    return stored.tensors.has(`${base}.g_idx`) ? readGptq({ stored, base }, said) : readAwq({ stored, base }, said)
  return isCodes(stored, name, 'I32') ? readCompressed({ stored, base }, said) : null
}

/** A weight whose parts are stored under names that begin with its module's. */
interface Packed {
  stored: Stored
  /** Name of the module. */
  base: string
}

const fault = ({ stored: { folder }, base }: Packed, why: string) =>
  new UserError(`${folder}: tensor ${JSON.stringify(`${base}.weight`)}: ${why}`)

/** @throws UserError where a stored tensor is missing, or has another shape or format */
function need(weight: Packed, part: string, shape: readonly number[], dtypes: RegExp): string {
  const { stored, base } = weight
  const entry = stored.tensors.get(`${base}.${part}`)
  if (!entry) throw fault(weight, `${base}.${part} is missing`)
  if (String(entry.shape) !== String(shape) || !dtypes.test(entry.dtype))
    throw fault(
      weight,
      `${part} is ${entry.dtype} [${entry.shape.join(', ')}]; config.json makes it [${shape.join(', ')}] of ${dtypes.source}`,
    )
  return entry.name
}

const asWords = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))

/** Floating entries of columns from … to − 1. */
async function columnFloats(stored: Stored, name: string, columns: Interval): Promise<Float32Array> {
  const bytes = await columnBytes(stored, name, columns)
  const { dtype } = stored.tensors.get(name)!
  const values = new Float32Array((bytes.length / countWidth(dtype)) | 0)
  if (dtype === 'F32') new Uint8Array(values.buffer).set(bytes)
  else decode(dtype, bytes, values)
  return values
}

const countWidth = (dtype: string): number => (dtype === 'F32' ? 4 : 2)

/** The side of a group along the input. @throws UserError for a size that is none */
function groupOf(weight: Packed, size: unknown, inputs: number): number {
  if (size === -1 || size === null) return inputs || 1
  if (!Number.isSafeInteger(size) || (size as number) < 1)
    throw fault(weight, `config.json says group_size ${JSON.stringify(size)}; a whole number, or -1, is wanted`)
  return size as number
}

/**
 * Words run along the input, low bits first; zero points along the output. `g_idx` says the group of each input, which with `desc_act` is
 * not sorted. Files of `checkpoint_format` gptq hold zero points less 1, taken from whole words (gptqmodel 7.7.0).
 */
async function readGptq(weight: Packed, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const bits = entry.bits as number
  const [words, outputs] = stored.tensors.get(`${base}.qweight`)!.shape as [number, number]
  const each = 32 / bits
  const inputs = words * each
  const groups = Math.ceil(inputs / groupOf(weight, entry.group_size, inputs))
  const qweight = need(weight, 'qweight', [words, outputs], /^I32$/)
  const qzeros = need(weight, 'qzeros', [groups, Math.ceil(outputs / each)], /^I32$/)
  const scales = need(weight, 'scales', [groups, outputs], /^(F16|BF16|F32)$/)
  const index = need(weight, 'g_idx', [inputs], /^I32$/)
  const one = (entry.checkpoint_format ?? entry.format) === 'gptq_v2' ? 0 : ONES[bits]!
  const mask = 2 ** bits - 1
  return {
    name: `${base}.weight`,
    format: `GPTQ of ${bits} bit`,
    shape: [outputs, inputs],
    partners: [qzeros, scales, index],
    async lines(from, to) {
      const count = to - from
      const codes = asWords(await columnBytes(stored, qweight, { from, to }))
      const span = { from: Math.floor(from / each), to: Math.ceil(to / each) }
      const zeros = asWords(await columnBytes(stored, qzeros, span)).map((word) => word + one)
      const factors = await columnFloats(stored, scales, { from, to })
      const groupAt = new Int32Array(asWords(await stored.bytes(index)).buffer)
      const wrong = groupAt.find((group) => group < 0 || group >= groups)
      if (wrong !== undefined) throw fault(weight, `g_idx names the group ${wrong} of ${groups}`)
      const values = new Float32Array(count * inputs)
      for (let line = 0; line < count; line++) {
        const [zeroWord, zeroBit] = [Math.floor((from + line) / each) - span.from, ((from + line) % each) * bits]
        for (let input = 0; input < inputs; input++) {
          const group = groupAt[input]!
          const code = (codes[Math.floor(input / each) * count + line]! >>> ((input % each) * bits)) & mask
          const zero = (zeros[group * (span.to - span.from) + zeroWord]! >>> zeroBit) & mask
          values[line * inputs + input] = (code - zero) * factors[group * count + line]!
        }
      }
      return values
    },
  }
}

/** Words run along the output, eight nibbles in an order of their own; zero points as they are (autoawq 0.2.9). */
async function readAwq(weight: Packed, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const [inputs, words] = stored.tensors.get(`${base}.qweight`)!.shape as [number, number]
  const outputs = words * 8
  const size = groupOf(weight, entry.group_size ?? entry.q_group_size, inputs)
  const groups = Math.ceil(inputs / size)
  const qweight = need(weight, 'qweight', [inputs, words], /^I32$/)
  const qzeros = need(weight, 'qzeros', [groups, words], /^I32$/)
  const scales = need(weight, 'scales', [groups, outputs], /^(F16|BF16|F32)$/)
  return {
    name: `${base}.weight`,
    format: 'AWQ of 4 bit',
    shape: [outputs, inputs],
    partners: [qzeros, scales],
    async lines(from, to) {
      const count = to - from
      const span = { from: from >> 3, to: Math.ceil(to / 8) }
      const across = span.to - span.from
      const codes = asWords(await columnBytes(stored, qweight, span))
      const zeros = asWords(await columnBytes(stored, qzeros, span))
      const factors = await columnFloats(stored, scales, { from, to })
      const values = new Float32Array(count * inputs)
      for (let line = 0; line < count; line++) {
        const [word, shift] = [((from + line) >> 3) - span.from, 4 * AWQ_NIBBLE[(from + line) & 7]!]
        for (let input = 0; input < inputs; input++) {
          const group = Math.floor(input / size)
          const code = (codes[input * across + word]! >>> shift) & 15
          const zero = (zeros[group * across + word]! >>> shift) & 15
          values[line * inputs + input] = (code - zero) * factors[group * count + line]!
        }
      }
      return values
    },
  }
}

/** How codes lie in the words of a row: whole codes in each word, or one behind the other over the ends of words. */
interface Packing {
  bits: number
  runsOn: boolean
}

const wordsFor = ({ bits, runsOn }: Packing, codes: number): number =>
  runsOn ? Math.ceil((codes * bits) / 32) : Math.ceil(codes / Math.floor(32 / bits))

/** Finds code number `at` of words that begin at `start` and lie `step` apart. */
function codesIn(words: Uint32Array, { bits, runsOn }: Packing): (at: number, start: number, step: number) => number {
  const [each, mask] = [Math.floor(32 / bits), 2 ** bits - 1]
  return (at, start, step) => {
    const bit = runsOn ? at * bits : Math.floor(at / each) * 32 + (at % each) * bits
    const [word, shift] = [start + (bit >> 5) * step, bit & 31]
    const rest = shift + bits > 32 ? words[word + step]! << (32 - shift) : 0
    return ((words[word]! >>> shift) | rest) & mask
  }
}

/**
 * Words run along the input, zero points along the output; both are counted from half of the range. Bits 3, 5, 6 and 7 filled whole
 * words before compressed-tensors 0.18, and run on since: the number of words shows which.
 */
async function readCompressed(weight: Packed, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const [outputs, words] = stored.tensors.get(`${base}.weight_packed`)!.shape as [number, number]
  const shape = need(weight, 'weight_shape', [2], /^I64$/)
  const [rows, inputs] = Array.from(new BigInt64Array(asWords(await stored.bytes(shape)).buffer), Number) as [
    number,
    number,
  ]
  if (rows !== outputs) throw fault(weight, `weight_shape says ${rows} rows, and ${outputs} are packed`)
  const { packing, size } = choosePacking(weight, entry, { words, inputs })
  const groups = Math.ceil(inputs / size)
  const packed = need(weight, 'weight_packed', [outputs, words], /^I32$/)
  const single = countEntries(stored.tensors.get(`${base}.weight_scale`)?.shape ?? []) === 1
  const scales = need(
    weight,
    'weight_scale',
    single ? stored.tensors.get(`${base}.weight_scale`)!.shape : [outputs, groups],
    /^(F16|BF16|F32)$/,
  )
  const zeroPoints = stored.tensors.has(`${base}.weight_zero_point`)
    ? need(weight, 'weight_zero_point', [wordsFor(packing, outputs), groups], /^I32$/)
    : null
  const index = stored.tensors.has(`${base}.weight_g_idx`) ? need(weight, 'weight_g_idx', [inputs], /^I32$/) : null
  const half = 2 ** (packing.bits - 1)
  return {
    name: `${base}.weight`,
    format: `compressed-tensors packed in ${packing.bits} bit`,
    shape: [outputs, inputs],
    partners: [shape, scales, ...(zeroPoints ? [zeroPoints] : []), ...(index ? [index] : [])],
    async lines(from, to) {
      const codeAt = codesIn(asWords(await stored.bytes(packed, from * words * 4, to * words * 4)), packing)
      const factors = single ? await floats(stored, scales) : await floats(stored, scales, from * groups, to * groups)
      const zeroAt = zeroPoints && codesIn(asWords(await stored.bytes(zeroPoints)), packing)
      const order = index ? new Int32Array(asWords(await stored.bytes(index)).buffer) : null
      const wrong = order?.find((group) => group < 0 || group >= groups)
      if (wrong !== undefined) throw fault(weight, `weight_g_idx names the group ${wrong} of ${groups}`)
      const values = new Float32Array((to - from) * inputs)
      for (let line = from; line < to; line++) {
        const start = (line - from) * inputs
        for (let input = 0; input < inputs; input++) {
          const group = order ? order[input]! : Math.floor(input / size)
          const zero = zeroAt ? zeroAt(line, group, groups) : half
          const code = codeAt(input, (line - from) * words, 1)
          values[start + input] = (code - zero) * factors[single ? 0 : (line - from) * groups + group]!
        }
      }
      return values
    },
  }
}

interface PackedSides {
  words: number
  inputs: number
}

/** The bits and the group that config.json gives, of the groups whose codes fit the words. */
function choosePacking(
  weight: Packed,
  { config_groups: groups, version }: Quantisation['entry'],
  { words, inputs }: PackedSides,
): { packing: Packing; size: number } {
  const fitting = Object.values((groups ?? {}) as Record<string, { weights?: Record<string, unknown> | null } | null>)
    .flatMap((group) => (group?.weights ? [group.weights] : []))
    .flatMap(({ num_bits: bits, group_size: size, strategy }) => {
      if (!Number.isSafeInteger(bits) || (bits as number) < 2 || (bits as number) > 8) return []
      const side =
        strategy === 'channel' || strategy === 'tensor' || size === null || size === undefined
          ? inputs
          : groupOf(weight, size, inputs)
      return [true, false]
        .map((runsOn) => ({
          packing: { bits: bits as number, runsOn: 32 % (bits as number) === 0 || runsOn },
          size: side,
        }))
        .filter(({ packing }) => wordsFor(packing, inputs) === words)
    })
  const different = [...new Map(fitting.map((each) => [JSON.stringify(each), each])).values()]
  if (different.length === 1) return different[0]!
  const bits = [...new Set(different.map(({ packing }) => packing.bits))]
  if (different.length === 2 && bits.length === 1) {
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(String(version)) ?? []
    if (minor === undefined)
      throw fault(
        weight,
        `is ${bits[0]}-bit pack-quantized, which lies otherwise since compressed-tensors 0.18, and config.json names no version`,
      )
    const runsOn = Number(major) > 0 || Number(minor) >= 18
    return different.find(({ packing }) => packing.runsOn === runsOn)!
  }
  throw fault(
    weight,
    `${inputs} inputs in ${words} words ${different.length ? 'fit more than one group of' : 'fit no group of'} config.json`,
  )
}
