// Makes and removes the binding to TensorFlow's own library, the fast backend.

export { hasNvidia } from './download.js'
export { installBinding } from './install.js'
export { checkPlatform, readPlatform } from './platform.js'
export { prospectOf } from './prospect.js'
export { removeBindings } from './remove.js'
export { findHeaders } from './sources.js'
export { cudaIn, findInPython, pythonsOf, readTensorflow } from './tensorflow.js'
