// The k entries of largest magnitude, exactly: a radix selection over the bits of |x| (O(n), no sort), and the mask it makes.
import * as tf from '@tensorflow/tfjs'
import { addressOf, attachModule, type WasmBackend } from './wasm.js'

/** Keeps |x| > threshold, and of the entries with |x| = threshold those up to flat index `lastTie`: exactly k entries. */
export interface Largest {
  threshold: number
  /** Index in the whole flattened tensor; -1 when no tie is kept. */
  lastTie: number
}

const DIGITS = [
  { shift: 20, mask: 0x7ff },
  { shift: 9, mask: 0x7ff },
  { shift: 0, mask: 0x1ff },
]

/**
 * Where the k-th largest magnitude of `values` lies; ties go to the lowest index. Bits of non-negative float32 order like
 * integers, so the k-th is found digit by digit from histograms of 11, 11 and 9 bits. Values must not be NaN.
 */
export function largest(values: Float32Array, k: number): Largest {
  if (!(k >= 0 && k <= values.length)) throw new Error(`cannot keep ${k} of ${values.length} entries`)
  if (k === 0) return { threshold: Infinity, lastTie: -1 }
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  let prefix = 0
  let wanted = k // how many of the entries that share `prefix` are among the k
  let ties = 0
  for (const { shift, mask } of DIGITS) {
    const counts = new Uint32Array(mask + 1)
    const above = shift + (mask === 0x1ff ? 9 : 11)
    for (let i = 0; i < bits.length; i++) {
      const magnitude = bits[i] & 0x7fffffff
      if (above >= 31 || magnitude >>> above === prefix) counts[(magnitude >>> shift) & mask]++
    }
    let digit = mask
    for (; counts[digit] < wanted; digit--) wanted -= counts[digit]
    ties = counts[digit]
    prefix = prefix * (mask + 1) + digit
  }
  const threshold = new Float32Array(new Int32Array([prefix]).buffer)[0]
  return { threshold, lastTie: nthIndex(bits, prefix, wanted, ties) }
}

/** Index of the n-th of `total` entries whose magnitude bits are `magnitude`. */
function nthIndex(bits: Int32Array, magnitude: number, n: number, total: number): number {
  if (n === total) return bits.length - 1
  for (let i = 0; ; i++) if ((bits[i] & 0x7fffffff) === magnitude && --n === 0) return i
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
      const [bits] = new Int32Array(new Float32Array([threshold]).buffer)
      const out = wasm.makeOutput(x.shape, 'float32')
      keep(addressOf(wasm, x), addressOf(wasm, out), tf.util.sizeFromShape(out.shape), bits, last, scale)
      return out
    },
  })
}
