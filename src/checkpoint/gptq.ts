// GPTQ and AWQ: codes in words with scales and zero points by groups of inputs. weight = (code − zero point) · scale, rounded once.
import { AUTO_ROUND, type Coded, columnBytes, columnFloats, type Quantisation } from './coded.js'
import { asWords, codesIn, groupSide, type PackedWeight, packedFault, packedPart, wordsFor } from './packed-weight.js'

/** In a word of AWQ the column c of eight lies in the nibble of this number. */
const AWQ_NIBBLE = [0, 4, 1, 5, 2, 6, 3, 7]

/** What GPTQ took from every zero point, of a whole word. */
const ONES: Readonly<Record<number, number>> = { 2: 0x55555555, 4: 0x11111111, 8: 0x01010101 }

/** The packing that a folder's config.json names. */
export const packingOf = ({ method, entry }: Quantisation): unknown =>
  method === 'auto-round' ? AUTO_ROUND[String(entry.packing_format)] : (entry.checkpoint_format ?? entry.format)

/**
 * Codes run along the input over the ends of words, low bits first; zero points along the output. `g_idx` says the group of each input, which
 * with `desc_act` is not sorted; without it groups follow each other. Files of `checkpoint_format` gptq hold zero points less 1: taken from
 * whole words, or for 3 bit from each (gptqmodel 7.7.0).
 */
export async function readGptq(weight: PackedWeight, said: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const { entry } = said
  const bits = entry.bits as number
  const packing = { bits, runsOn: true }
  const [words, outputs] = stored.tensors.get(`${base}.qweight`)!.shape as [number, number]
  const inputs = Math.floor((words * 32) / bits)
  const size = groupSide(weight, entry.group_size, inputs)
  const groups = Math.ceil(inputs / size)
  const qweight = packedPart(weight, 'qweight', [words, outputs], /^I32$/)
  const qzeros = packedPart(weight, 'qzeros', [groups, wordsFor(packing, outputs)], /^I32$/)
  const scales = packedPart(weight, 'scales', [groups, outputs], /^(F16|BF16|F32)$/)
  const index = stored.tensors.has(`${base}.g_idx`) ? packedPart(weight, 'g_idx', [inputs], /^I32$/) : null
  const isLess = packingOf(said) !== 'gptq_v2'
  const [wordOne, codeOne] = isLess ? [ONES[bits] ?? 0, ONES[bits] === undefined ? 1 : 0] : [0, 0]
  // So many zero points begin and end with a word.
  const unit = bits === 3 ? 32 : 32 / bits
  return {
    name: `${base}.weight`,
    format: `GPTQ of ${bits} bit`,
    shape: [outputs, inputs],
    partners: [qzeros, scales, ...(index === null ? [] : [index])],
    async lines(from, to) {
      const count = to - from
      const codeAt = codesIn(asWords(await columnBytes(stored, qweight, { from, to })), packing)
      const first = Math.floor(from / unit) * unit
      const span = {
        from: (first * bits) / 32,
        to: Math.min((Math.ceil(to / unit) * unit * bits) / 32, wordsFor(packing, outputs)),
      }
      const across = span.to - span.from
      const zeroAt = codesIn(
        asWords(await columnBytes(stored, qzeros, span)).map((word) => word + wordOne),
        packing,
      )
      const factors = await columnFloats(stored, scales, { from, to })
      const groupAt =
        index === null
          ? Int32Array.from({ length: inputs }, (_, input) => Math.floor(input / size))
          : new Int32Array(asWords(await stored.bytes(index)).buffer)
      const wrong = groupAt.find((group) => group < 0 || group >= groups)
      if (wrong !== undefined) throw packedFault(weight, `g_idx names the group ${wrong} of ${groups}`)
      const values = new Float32Array(count * inputs)
      for (let line = 0; line < count; line++)
        for (let input = 0; input < inputs; input++) {
          const group = groupAt[input]!
          const zero = (zeroAt(from + line - first, group * across, 1) + codeOne) & (2 ** bits - 1)
          values[line * inputs + input] = (codeAt(input, line, count) - zero) * factors[group * count + line]!
        }
      return values
    },
  }
}

/** Words run along the output, eight nibbles in an order of their own; zero points as they are (autoawq 0.2.9). */
export async function readAwq(weight: PackedWeight, { entry }: Quantisation): Promise<Coded> {
  const { stored, base } = weight
  const [inputs, words] = stored.tensors.get(`${base}.qweight`)!.shape as [number, number]
  const outputs = words * 8
  const size = groupSide(weight, entry.group_size ?? entry.q_group_size, inputs)
  const groups = Math.ceil(inputs / size)
  const qweight = packedPart(weight, 'qweight', [inputs, words], /^I32$/)
  const qzeros = packedPart(weight, 'qzeros', [groups, words], /^I32$/)
  const scales = packedPart(weight, 'scales', [groups, outputs], /^(F16|BF16|F32)$/)
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
