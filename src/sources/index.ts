// Models as users name them: folders, names on the hub, adapters and delta files.
export { applyBitDelta } from './bitdelta.js'
export { type BitDeltaContent, type BitDeltaOptions, writeBitDelta } from './bitdelta-write.js'
export { resolveInputs } from './companions.js'
export { findDelta, isBitDeltaFile, recordedName } from './find-delta.js'
export { openModel, openModelFolder, openModels, openPost } from './open.js'
