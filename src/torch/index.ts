// Files of torch.save: what they hold and where it lies.

export { readTorchFile, type TorchTensor } from './file.js'
export { isTorchFormat } from './meaning.js'
export type { OpenFile, ReadAt } from './read-at.js'
export { torchFile } from './write.js'
export type { SavedTensor } from './write-pickle.js'
