// The only room that knows TensorFlow.js: backends, kernels, keyed random tensors, selection, SVD.

export type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs'
export { countEntries, type Key, keyOf, normals } from '../kernels/index.js'
export {
  BACKENDS,
  type BackendInfo,
  type BackendName,
  heapBytes,
  KERNELS,
  keptBytes,
  libraryBytes,
  setBackend,
} from './backend.js'
export * from './binding.js'
export { product } from './eigen.js'
export { exactTriplets, type Svd } from './exact-svd.js'
export { measured } from './fma.js'
export { type FusedSettings, fuse, registerFused } from './fused.js'
export { eigenBytes, gramBytes, gramTriplets } from './gram-triplets.js'
export { krylovTriplets, type Normed } from './krylov.js'
export { krylovBytes, krylovWorkBytes } from './krylov-sizes.js'
export * from './kth.js'
export { type Dense, MatrixMemory, MOST_BYTES, memoryFor } from './matrix-memory.js'
export { replayed } from './native-replay.js'
export { uniformAt } from './philox.js'
export * from './random.js'
export { checkResult } from './result.js'
export { attendSeen, putRows } from './seen.js'
export * from './select.js'
export * from './share.js'
export * from './sign.js'
export * from './singular.js'
export * from './smooth.js'
export * from './solve.js'
export * from './svd.js'
export { gpuName, openAddon, realWarnings, startBinding } from './tensorflow.js'
export { tf } from './tf.js'
export { turnedShape, turnMatrices } from './turn.js'
export * from './weights.js'
