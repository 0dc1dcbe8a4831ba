// Finds the exact k entries of largest magnitude by a radix selection over the bits of |x| (O(n), no sort), and masks the rest.
import type { Largest } from '../kernels/index.js'
import { tf } from './tf.js'
import { addressOf, attachModule, type WasmBackend } from './wasm-heap.js'

export type { Largest }

/** Bits of a digit: first of all entries, then of those that share the first. */
const [FIRST, NEXT] = [13, 9]

/**
 * Where the k-th largest magnitude of `values` lies, and how many entries have it; ties go to the lowest index. Bits of
 * non-negative float32 order like integers, so the k-th is found digit by digit from histograms of 13, 9 and 9 bits, the last
 * two over the few entries that share the first digit. Values must not be NaN.
 */
export function largest(values: Float32Array, k: number): Largest & { ties: number } {
  if (!(k >= 0 && k <= values.length)) throw new Error(`cannot keep ${k} of ${values.length} entries`)
  if (k === 0) return { threshold: Infinity, lastTie: -1, ties: 0 }
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  const shift = 31 - FIRST
  let counts = new Uint32Array(1 << FIRST)
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! & 0x7fffffff) >>> shift]!++
  let wanted = k // how many of the entries that share `prefix` are among the k
  const descend = (): number => {
    let digit = counts.length - 1
    for (; counts[digit]! < wanted; digit--) wanted -= counts[digit]!
    return digit
  }
  let prefix = descend()
  const sharing = new Int32Array(counts[prefix]!)
  for (let i = 0, n = 0; n < sharing.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff
    if (magnitude >>> shift === prefix) sharing[n++] = magnitude
  }
  let ties = 0
  for (let at = shift - NEXT; at >= 0; at -= NEXT) {
    counts = new Uint32Array(1 << NEXT)
    for (let i = 0; i < sharing.length; i++)
      if (sharing[i]! >>> (at + NEXT) === prefix) counts[(sharing[i]! >>> at) & ((1 << NEXT) - 1)]!++
    const digit = descend()
    ties = counts[digit]!
    prefix = (prefix << NEXT) | digit
  }
  const threshold = new Float32Array(new Int32Array([prefix]).buffer)[0]
  return { threshold: threshold!, lastTie: nthIndex(bits, prefix, wanted, ties), ties }
}

/** Index of the n-th of `total` entries whose magnitude bits are `magnitude`. */
function nthIndex(bits: Int32Array, magnitude: number, n: number, total: number): number {
  if (n === total) return bits.length - 1
  let left = n
  for (let i = 0; ; i++) if ((bits[i]! & 0x7fffffff) === magnitude && --left === 0) return i
}

/** x × scale where x is among the largest, else 0; `offset` is the index of x's first entry in the whole flattened tensor. */
export function keepLargest(x: tf.Tensor, { threshold, lastTie }: Largest, { offset = 0, scale = 1 } = {}): tf.Tensor {
  const last = Math.max(-1, Math.min(x.size, lastTie - offset))
  if (tf.getBackend() === 'wasm') {
    registerKeep()
    return tf.engine().runKernel('KeepLargest', { x }, { threshold, last, scale })
  }
  return tf.tidy(() => {
    const magnitude = x.abs()
    const early = tf.range(0, x.size, 1, 'int32').lessEqual(tf.scalar(last, 'int32')).reshape(x.shape)
    const kept = magnitude.greater(threshold).logicalOr(magnitude.equal(threshold).logicalAnd(early))
    return x.mul(kept.cast('float32').mul(scale))
  })
}

interface SelectModule {
  keep(from: number, to: number, size: number, threshold: number, lastTie: number, scale: number): void
}

function registerKeep() {
  if (tf.getKernel('KeepLargest', 'wasm')) return
  const { keep } = attachModule<SelectModule>(tf.backend() as unknown as WasmBackend, 'select')
  tf.registerKernel({
    kernelName: 'KeepLargest',
    backendName: 'wasm',
    kernelFunc({ inputs, attrs, backend }) {
      const { x } = inputs as { x: tf.TensorInfo }
      const wasm = backend as WasmBackend
      const { threshold, last, scale } = attrs as Record<string, number>
      const [bits] = new Int32Array(new Float32Array([threshold!]).buffer)
      const out = wasm.makeOutput(x.shape, 'float32')
      keep(addressOf(wasm, x), addressOf(wasm, out), tf.util.sizeFromShape(out.shape), bits!, last!, scale!)
      return out
    },
  })
}
