// Weights of 4-bit floats (E2M1) with a scale for each group along the input: mxfp4 of gpt-oss, and mxfp4 and nvfp4 of compressed-tensors.
import { UserError } from '../errors/index.js'
import { type Coded, columnBytes, floats, isCodes, type Quantisation, type Stored } from './coded.js'

/** E2M1 by its nibble (OCP Microscaling Formats 1.0, section 5.3.3). */
export const E2M1 = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6)

/** The weight whose codes a stored tensor holds; null for a tensor that holds none of these. */
export function readFp4(stored: Stored, name: string, said: Quantisation | null): Promise<Coded> | null {
  if (!said) return null
  if (said.method === 'mxfp4' && name.endsWith('_blocks')) return readExperts(stored, name)
  return isCodes(stored, name, 'U8') ? readRows(stored, name.replace(/\.weight_packed$/, '')) : null
}

const fault = ({ folder }: Stored, name: string, why: string) =>
  new UserError(`${folder}: tensor ${JSON.stringify(name)}: ${why}`)

/**
 * Blocks [experts, outputs, groups, 16 bytes] of 32 inputs, low nibble first, with exponents [experts, outputs, groups]. The weight is
 * [experts, inputs, outputs]: transposed (transformers 5.18.0).
 */
async function readExperts(stored: Stored, name: string): Promise<Coded> {
  const scales = name.replace(/blocks$/, 'scales')
  const { shape, dtype } = stored.tensors.get(name)!
  const found = stored.tensors.get(scales)
  const [experts, outputs, groups, bytes] = shape as [number, number, number, number]
  if (!found) throw fault(stored, name, `${scales} is missing`)
  if (
    dtype !== 'U8' ||
    shape.length !== 4 ||
    bytes !== 16 ||
    found.dtype !== 'U8' ||
    String(found.shape) !== String(shape.slice(0, 3))
  )
    throw fault(
      stored,
      name,
      `is ${dtype} [${shape.join(', ')}] with ${scales} ${found.dtype} [${found.shape.join(', ')}]; mxfp4 has blocks of 16 bytes and one scale for each`,
    )
  const inputs = groups * 32
  return {
    name: name.replace(/_blocks$/, ''),
    format: 'mxfp4',
    shape: [experts, inputs, outputs],
    dtype: 'BF16',
    partners: [scales],
    async lines(from, to) {
      const values = new Float32Array((to - from) * outputs)
      for (let line = from; line < to; ) {
        const expert = Math.floor(line / inputs)
        const [first, last] = [line % inputs, Math.min(inputs, to - expert * inputs)]
        const part = await readInputs({ stored, name, scales, outputs, groups }, { expert, first, last })
        values.set(part, (line - from) * outputs)
        line += last - first
      }
      return values
    },
  }
}

interface Experts {
  stored: Stored
  /** The stored tensors of the codes and of the exponents. */
  name: string
  scales: string
  outputs: number
  groups: number
}

/** Inputs from first … to last − 1 of one expert, each with all outputs. */
async function readInputs(
  { stored, name, scales, outputs, groups }: Experts,
  { expert, first, last }: { expert: number; first: number; last: number },
): Promise<Float32Array> {
  const span = { from: first >> 1, to: Math.ceil(last / 2) }
  const across = span.to - span.from
  const size = outputs * groups
  const codes = await columnBytes(within(stored, name, expert * size * 16, [outputs, groups * 16]), name, span)
  const factors = await floats(stored, scales, expert * size, (expert + 1) * size)
  const values = new Float32Array((last - first) * outputs)
  for (let output = 0; output < outputs; output++)
    for (let input = first; input < last; input++) {
      const pair = codes[output * across + (input >> 1) - span.from]!
      const level = E2M1[input & 1 ? pair >> 4 : pair & 15]!
      values[(input - first) * outputs + output] = level * factors[output * groups + (input >> 5)]!
    }
  return values
}

/** A part of a stored tensor as a matrix of bytes. */
function within(stored: Stored, name: string, begin: number, shape: number[]): Stored {
  const entry = { ...stored.tensors.get(name)!, shape }
  return {
    ...stored,
    tensors: new Map([[name, entry]]),
    bytes: (which, from = 0, to = 0) => stored.bytes(which, begin + from, begin + to),
  }
}

/**
 * Rows of nibbles, the low one first. mxfp4: groups of 32 with exponents. nvfp4: groups of 16, whose fp8 scale is divided by one
 * global scale (compressed-tensors 0.20.1).
 */
async function readRows(stored: Stored, base: string): Promise<Coded> {
  const [packed, scales, global] = ['packed', 'scale', 'global_scale'].map((part) => `${base}.weight_${part}`) as [
    string,
    string,
    string,
  ]
  const [rows, bytes] = stored.tensors.get(packed)!.shape as [number, number]
  const found = stored.tensors.get(scales)
  if (!found) throw fault(stored, `${base}.weight`, `${scales} is missing`)
  const isNv = stored.tensors.has(global)
  const [size, dtype, format] = isNv ? ([16, 'F8_E4M3', 'nvfp4'] as const) : ([32, 'U8', 'mxfp4'] as const)
  const inputs = 2 * bytes
  const groups = Math.ceil(inputs / size)
  if (found.dtype !== dtype || String(found.shape) !== `${rows},${groups}`)
    throw fault(
      stored,
      `${base}.weight`,
      `its scales are ${found.dtype} [${found.shape.join(', ')}]; ${format} has ${dtype} [${rows}, ${groups}]`,
    )
  return {
    name: `${base}.weight`,
    format: `${format} of compressed-tensors`,
    shape: [rows, inputs],
    dtype: 'BF16',
    partners: [scales, ...(isNv ? [global] : [])],
    async lines(from, to) {
      const codes = await stored.bytes(packed, from * bytes, to * bytes)
      const factors = await floats(stored, scales, from * groups, to * groups)
      const [divisor] = isNv ? await floats(stored, global) : [1]
      if (isNv) for (let i = 0; i < factors.length; i++) factors[i]! /= divisor!
      const values = new Float32Array((to - from) * inputs)
      for (let line = 0; line < to - from; line++)
        for (let input = 0; input < inputs; input++) {
          const pair = codes[line * bytes + (input >> 1)]!
          const level = E2M1[input & 1 ? pair >> 4 : pair & 15]!
          values[line * inputs + input] = level * factors[line * groups + Math.floor(input / size)]!
        }
      return values
    },
  }
}
