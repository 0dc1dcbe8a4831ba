// pack-quantized of compressed-tensors: codes of 2 to 8 bits in words. weight = (code − zero point) · scale, rounded once.
import { countEntries } from '../kernels/index.js'
import { type Coded, floats, type Quantisation } from './coded.js'
import {
  asWords,
  codesIn,
  groupSide,
  type PackedWeight,
  type Packing,
  packedFault,
  packedPart,
  wordsFor,
} from './packed-weight.js'

/**
 * Words run along the input, zero points along the output; both are counted from half of the range. Bits 3, 5, 6 and 7 filled whole
 * words before compressed-tensors 0.18, and run on since: the number of words shows which.
 */
export async function readPackQuantized(weight: PackedWeight, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const [outputs, words] = stored.tensors.get(`${base}.weight_packed`)!.shape as [number, number]
  const shape = packedPart(weight, 'weight_shape', [2], /^I64$/)
  const [rows, inputs] = Array.from(new BigInt64Array(asWords(await stored.bytes(shape)).buffer), Number) as [
    number,
    number,
  ]
  if (rows !== outputs) throw packedFault(weight, `weight_shape says ${rows} rows, and ${outputs} are packed`)
  const { packing, size } = choosePacking(weight, entry, { words, inputs })
  const groups = Math.ceil(inputs / size)
  const packed = packedPart(weight, 'weight_packed', [outputs, words], /^I32$/)
  const single = countEntries(stored.tensors.get(`${base}.weight_scale`)?.shape ?? []) === 1
  const scales = packedPart(
    weight,
    'weight_scale',
    single ? stored.tensors.get(`${base}.weight_scale`)!.shape : [outputs, groups],
    /^(F16|BF16|F32)$/,
  )
  const zeroPoints = stored.tensors.has(`${base}.weight_zero_point`)
    ? packedPart(weight, 'weight_zero_point', [wordsFor(packing, outputs), groups], /^I32$/)
    : null
  const index = stored.tensors.has(`${base}.weight_g_idx`)
    ? packedPart(weight, 'weight_g_idx', [inputs], /^I32$/)
    : null
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
      if (wrong !== undefined) throw packedFault(weight, `weight_g_idx names the group ${wrong} of ${groups}`)
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
  weight: PackedWeight,
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
          : groupSide(weight, size, inputs)
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
      throw packedFault(
        weight,
        `is ${bits[0]}-bit pack-quantized, which lies otherwise since compressed-tensors 0.18, and config.json names no version`,
      )
    const runsOn = Number(major) > 0 || Number(minor) >= 18
    return different.find(({ packing }) => packing.runsOn === runsOn)!
  }
  throw packedFault(
    weight,
    `${inputs} inputs in ${words} words ${different.length ? 'fit more than one group of' : 'fit no group of'} config.json`,
  )
}
