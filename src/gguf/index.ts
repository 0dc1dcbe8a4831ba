// GGUF files: what they hold, where it lies, and how blocks become float32.

export { type GgufFile, type GgufTensor, type GgufValue, readGguf } from './header.js'
export { decodeBlocks } from './types.js'
