// Files of torch.save: what they hold and where it lies.

export { readTorchFile, type TorchTensor } from './file.js'
export type { OpenFile, ReadAt } from './read-at.js'
