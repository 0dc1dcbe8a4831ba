// Keyed random tensors. Entry i depends only on (key, offset + i): not on the order of calls, the block size, the backend or the number
// of threads. So an edit gives the same bits whether a tensor is edited whole or in blocks.
import { instantiate, type Key, normals } from '../kernels/index.js'
import { eachWord } from './philox.js'
import { tf } from './tf.js'
import { addressOf, attachModule, type WasmBackend } from './wasm-heap.js'

/**
 * Word 2 of the counter: uniforms (and the masks made of them), normals (1) and the numbers of
 * `uniformAt` (2) do not share bits under one key.
 */
const UNIFORM = 0

export interface KeyedFactors {
  /** Probability of `dropped`, in [0, 1]. It moves no draw: an entry dropped at one rate is dropped at every higher one. */
  rate: number
  /** Factor of the dropped entries. */
  dropped: number
  /** Factor of the kept entries. */
  kept: number
  /** Index of x's first entry in the whole flattened tensor. */
  offset?: number | undefined
}

/** x × dropped where u < rate, else x × kept, in one pass; u is what `keyedUniform(x.shape, key, offset)` gives. Float32, same shape. */
export function keyedSelect(x: tf.Tensor, key: Key, { rate, dropped, kept, offset = 0 }: KeyedFactors): tf.Tensor {
  // u = m × 2^-24 with an integer m, so u < rate is m < ceil(rate × 2^24).
  const limit = Math.ceil(rate * 2 ** 24)
  if (tf.getBackend() === 'wasm') {
    registerSelect()
    return tf.engine().runKernel('KeyedSelect', { x }, { key0: key[0], key1: key[1], offset, limit, dropped, kept })
  }
  return tf.tidy(() => x.mul(tf.tensor(keyedFactors(x.size, key, { rate, dropped, kept, offset }), x.shape)))
}

/** The factors of `keyedSelect`, without a backend. */
export function keyedFactors(size: number, key: Key, { rate, dropped, kept, offset = 0 }: KeyedFactors): Float32Array {
  const { select, ones, block } = (workshop ??= openWorkshop())
  const factors = new Float32Array(size)
  const limit = Math.ceil(rate * 2 ** 24)
  for (let i = 0; i < size; i += BLOCK) {
    const length = Math.min(BLOCK, size - i)
    select(ones!.byteOffset, block!.byteOffset, length, key[0], key[1], offset + i, limit, dropped, kept)
    factors.set(block!.subarray(0, length), i)
  }
  return factors
}

/** Uniform float32 on [0, 1), multiples of 2^-24. */
export function keyedUniform(shape: number[], key: Key, offset = 0): tf.Tensor {
  return tf.tensor(uniforms(tf.util.sizeFromShape(shape), key, offset), shape)
}

/** The values of `keyedUniform`, without a tensor. */
export function uniforms(size: number, key: Key, offset = 0): Float32Array {
  const values = new Float32Array(size)
  eachWord(size, key, { offset, stream: UNIFORM }, (i, words, lane) => (values[i] = (words[lane]! >>> 8) * 2 ** -24))
  return values
}

/** Standard normal float32 by Box and Muller in float64; |z| < 6.67. */
export function keyedNormal(shape: number[], key: Key, offset = 0): tf.Tensor {
  return tf.tensor(normals(tf.util.sizeFromShape(shape), key, offset), shape)
}

interface RandomModule {
  select(
    from: number,
    to: number,
    size: number,
    key0: number,
    key1: number,
    offset: number,
    limit: number,
    dropped: number,
    kept: number,
  ): void
}

/** Entries that are drawn at a time outside a backend. */
const BLOCK = 1 << 16
let workshop: ReturnType<typeof openWorkshop> | undefined

/** The kernels with a memory of their own: one block of ones and one of factors. */
function openWorkshop() {
  const memory = new WebAssembly.Memory({ initial: (3 * BLOCK * 4) >> 16 })
  const [ones, block] = [1, 2].map((part) => new Float32Array(memory.buffer, part * BLOCK * 4, BLOCK))
  ones!.fill(1)
  return { ...instantiate<RandomModule>('random', memory), ones, block }
}

function registerSelect() {
  if (tf.getKernel('KeyedSelect', 'wasm')) return
  const { select } = attachModule<RandomModule>(tf.backend() as unknown as WasmBackend, 'random')
  tf.registerKernel({
    kernelName: 'KeyedSelect',
    backendName: 'wasm',
    kernelFunc({ inputs, attrs, backend }) {
      const { x } = inputs as { x: tf.TensorInfo }
      const wasm = backend as WasmBackend
      const { key0, key1, offset, limit, dropped, kept } = attrs as Record<string, number>
      const out = wasm.makeOutput(x.shape, 'float32')
      select(
        addressOf(wasm, x),
        addressOf(wasm, out),
        tf.util.sizeFromShape(out.shape),
        key0!,
        key1!,
        offset!,
        limit!,
        dropped!,
        kept!,
      )
      return out
    },
  })
}
