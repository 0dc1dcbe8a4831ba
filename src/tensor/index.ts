// The only room that knows TensorFlow.js: backends, kernels, keyed random tensors, selection, SVD.
export * as tf from '@tensorflow/tfjs'
export type { Tensor, Tensor2D } from '@tensorflow/tfjs'
export * from './batch.js'
export * from './backend.js'
export * from './key.js'
export * from './random.js'
export * from './select.js'
