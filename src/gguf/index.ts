// GGUF files: what they hold, where it lies, how blocks become float32, and the tokenizer that they describe.

export type { GgufFile, GgufTensor, GgufValue } from './header.js'
export { firstPart, type GgufFiles, readGgufParts } from './parts.js'
export { TOKENIZER_LISTS, tokenizerOf } from './tokenizer.js'
export { decodeBlocks } from './types.js'
