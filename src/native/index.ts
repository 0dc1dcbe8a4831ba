// Makes and removes the binding to TensorFlow's own library, the fast backend.

export { hasNvidia } from './download.js'
export { type Installed, type InstallOptions, installBinding } from './install.js'
export { checkPlatform, type Platform, readPlatform } from './platform.js'
export { type Prospect, prospectOf } from './prospect.js'
export { removeBindings } from './remove.js'
export { findHeaders, findSources } from './sources.js'
export { cudaIn, findInPython, pythonsOf, readTensorflow, type TensorFlow } from './tensorflow.js'
