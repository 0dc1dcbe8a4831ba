// Values and numbers of few bits as bytes: float32 in a format of a file, and codes packed in as many bits as each takes.
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

/** assembly/codes.ts. Addresses are bytes. */
interface CodeKernels {
  unpackCodes(from: number, count: number, bits: number, to: number): void
  levels(codes: number, count: number, scale: number, zero: number): void
  spreadSigns(from: number, first: number, count: number, magnitude: number, to: number): void
  findOnes(from: number, count: number, first: number, to: number): number
}

let coder: { memory: WebAssembly.Memory; kernels: Kernels & CodeKernels } | undefined

function openCoder(): NonNullable<typeof coder> {
  if (!coder) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((8 * RUN + 192) / 65536) })
    coder = {
      memory,
      kernels: { ...instantiate<Kernels>('codec', memory), ...instantiate<CodeKernels>('codes', memory) },
    }
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

/** Some of the numbers that are decoded: the number of the first one, and where their bytes are and they shall be. */
interface DecodedRun {
  kernels: Kernels & CodeKernels
  at: number
  size: number
  from: number
  to: number
}

/** So many numbers of so many bits each → numbers of 32 bits, a run at a time. @param decode returns how many it wrote */
function decodeRuns<T extends Float32Array | Uint32Array>(
  bytes: Uint8Array,
  { count, bits, out }: { count: number; bits: number; out: T },
  decode: (run: DecodedRun) => number,
): T {
  const { memory, kernels } = openCoder()
  const narrow = new Uint8Array(memory.buffer, NARROW)
  const made = out instanceof Float32Array ? new Float32Array(memory.buffer) : new Uint32Array(memory.buffer)
  let found = 0
  for (let at = 0; at < count; at += RUN) {
    const size = Math.min(RUN, count - at)
    const part = bytes.subarray((at * bits) / 8, Math.ceil(((at + size) * bits) / 8))
    narrow.set(part)
    narrow.fill(0, part.length, part.length + 64)
    const own = decode({ kernels, at, size, from: NARROW, to: WIDE })
    out.set(made.subarray(WIDE / 4, WIDE / 4 + own), found)
    found += own
  }
  return out.subarray(0, found) as T
}

/** @throws BadValue */
export function decodeValues(bytes: Uint8Array, format: ValueFormat): Float32Array {
  const count = bytes.length / VALUE_BYTES[format]
  const out = new Float32Array(count)
  return decodeRuns(bytes, { count, bits: 8 * VALUE_BYTES[format], out }, ({ kernels, from, to, size }) => {
    if (kernels[`decode${format}`](from, to, size)) throw new BadValue()
    return size
  })
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

/** The reverse. */
export const unpackCodes = (bytes: Uint8Array, count: number, bits: number): Uint32Array =>
  decodeRuns(bytes, { count, bits, out: new Uint32Array(count) }, ({ kernels, from, to, size }) => {
    kernels.unpackCodes(from, size, bits, to)
    return size
  })

/** Of neighbouring codes how many, and what they stand for: scale · (code − zero). */
export interface CodeGroup {
  count: number
  scale: number
  zero: number
}

/** Codes → float32. @param groups of all codes, in their order */
export function decodeLevels(
  bytes: Uint8Array,
  count: number,
  bits: number,
  groups: Iterable<CodeGroup>,
): Float32Array {
  const all = groups[Symbol.iterator]()
  let [group, left] = [{ count: 0, scale: 0, zero: 0 }, 0]
  return decodeRuns(bytes, { count, bits, out: new Float32Array(count) }, ({ kernels, from, to, size }) => {
    kernels.unpackCodes(from, size, bits, to)
    for (let done = 0; done < size; ) {
      if (!left) {
        group = all.next().value as CodeGroup
        left = group.count
      }
      const part = Math.min(left, size - done)
      kernels.levels(to + 4 * done, part, group.scale, group.zero)
      done += part
      left -= part
    }
    return size
  })
}

/** Bits → the magnitude where they are 1, else its opposite. @param runs of the bits, in their order, and the magnitude of each */
export function spreadSigns(bytes: Uint8Array, runs: readonly { count: number; magnitude: number }[]): Float32Array {
  const count = runs.reduce((sum, each) => sum + each.count, 0)
  let [run, left] = [0, runs[0]!.count]
  return decodeRuns(bytes, { count, bits: 1, out: new Float32Array(count) }, ({ kernels, from, to, size }) => {
    for (let done = 0; done < size; ) {
      if (!left) left = runs[++run]!.count
      const part = Math.min(left, size - done)
      kernels.spreadSigns(from, done, part, runs[run]!.magnitude, to + 4 * done)
      done += part
      left -= part
    }
    return size
  })
}

/** Numbers of the bits that are 1, of so many. */
export const findOnes = (bytes: Uint8Array, count: number): Uint32Array =>
  decodeRuns(bytes, { count, bits: 1, out: new Uint32Array(count) }, ({ kernels, from, to, size, at }) =>
    kernels.findOnes(from, size, at, to),
  )
