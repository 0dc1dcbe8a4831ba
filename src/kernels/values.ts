// Values and numbers of few bits as bytes: float32 in a format of a file, and codes packed in as many bits as each takes. `Workspace` reads codes.
import { instantiate, type Kernels } from './module.js'

/** A format that values are stored in. */
export type ValueFormat = 'F32' | 'BF16' | 'F16'
/** Bytes of a value. */
export const VALUE_BYTES: Readonly<Record<ValueFormat, number>> = { F32: 4, BF16: 2, F16: 2 }

/** Values at a time. */
const RUN = 1 << 16
const [WIDE, NARROW] = [0, 4 * RUN + 64]

/** A value that is not finite, or too large for its format. */
export class BadValue extends Error {
  /** @param of where it stands; `range`: among numbers that were made of finite ones */
  constructor(readonly of: 'base' | 'post' | 'range' = 'range') {
    super()
  }
}

let coder: { memory: WebAssembly.Memory; kernels: Kernels } | undefined

function openCoder(): NonNullable<typeof coder> {
  if (!coder) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((8 * RUN + 192) / 65536) })
    coder = { memory, kernels: instantiate<Kernels>('codec', memory) }
  }
  return coder
}

/** Rounded to nearest, ties to even. @throws BadValue */
export function encodeValues(values: Float32Array, format: ValueFormat): Uint8Array {
  const { memory, kernels } = openCoder()
  const width = VALUE_BYTES[format]
  const out = new Uint8Array(values.length * width)
  for (let at = 0; at < values.length; at += RUN) {
    const part = values.subarray(at, at + RUN)
    const from = new Float32Array(memory.buffer, WIDE, RUN)
    from.fill(0, part.length, part.length + 8)
    from.set(part)
    if (kernels[`encode${format}`](WIDE, NARROW, part.length)) throw new BadValue()
    out.set(new Uint8Array(memory.buffer, NARROW, part.length * width), at * width)
  }
  return out
}

/** @throws BadValue */
export function decodeValues(bytes: Uint8Array, format: ValueFormat): Float32Array {
  const { memory, kernels } = openCoder()
  const width = VALUE_BYTES[format]
  const out = new Float32Array(bytes.length / width)
  const narrow = new Uint8Array(memory.buffer, NARROW)
  for (let at = 0; at < out.length; at += RUN) {
    const part = bytes.subarray(at * width, (at + RUN) * width)
    narrow.set(part)
    narrow.fill(0, part.length, part.length + 64)
    if (kernels[`decode${format}`](NARROW, WIDE, part.length / width)) throw new BadValue()
    out.set(new Float32Array(memory.buffer, WIDE, part.length / width), at)
  }
  return out
}

/** Bytes of so many codes. */
export const packedBytes = (count: number, bits: number): number => Math.ceil((count * bits) / 8)

/** Codes one behind the other, the first in the lowest bits of the first byte. @param bits of a code, 1 to 24 */
export function packCodes(codes: ArrayLike<number>, bits: number): Uint8Array {
  const out = new Uint8Array(packedBytes(codes.length, bits))
  let [held, filled, at] = [0, 0, 0]
  for (let i = 0; i < codes.length; i++) {
    held |= codes[i]! << filled
    for (filled += bits; filled >= 8; filled -= 8) {
      out[at++] = held & 255
      held >>>= 8
    }
  }
  if (filled) out[at] = held
  return out
}
