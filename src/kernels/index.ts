// WebAssembly kernels on plain memory, without TensorFlow.js.
export { instantiate } from './module.js'
