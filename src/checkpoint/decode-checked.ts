// Stored bytes → float32 on kernels, and whether all values are finite, in one pass.
import { instantiate, type StoredFormat, WIDTHS } from '../kernels/index.js'
import { decode } from './dtype.js'

/** Entries that are worked on together: they stay in the cache. */
const RUN = 1 << 14
/** Kernels work on whole vectors. */
const PADDING = 64

type Codec = Record<`decode${StoredFormat}`, (from: number, to: number, size: number) => number>

function openCodec() {
  const memory = new WebAssembly.Memory({ initial: 4 })
  const begin = 8 * RUN + PADDING
  const [stored, values] = [new Uint8Array(memory.buffer, 0, begin), new Float32Array(memory.buffer, begin, RUN)]
  return { kernels: instantiate<Codec>('codec', memory), stored, values }
}
let codec: ReturnType<typeof openCodec> | undefined

/**
 * As `decode`, of formats that may be read as weights. `bytes` may be the memory of `out` where the format is F32.
 * @returns whether no value is NaN or ±Infinity
 */
export function decodeChecked(dtype: StoredFormat, bytes: Uint8Array, out: Float32Array): boolean {
  codec ??= openCodec()
  const { kernels, stored, values } = codec
  const width = WIDTHS[dtype]
  let bad = 0
  for (let from = 0; from < out.length; from += RUN) {
    const size = Math.min(RUN, out.length - from)
    stored.set(bytes.subarray(from * width, (from + size) * width))
    stored.fill(0, size * width, size * width + PADDING)
    bad |= kernels[`decode${dtype}`](stored.byteOffset, values.byteOffset, size)
    out.set(size < RUN ? values.subarray(0, size) : values, from)
  }
  // Of F16, kernels make finite values of what is not.
  if (bad) decode(dtype, bytes, out)
  return bad === 0
}
