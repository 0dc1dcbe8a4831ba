// Models as users name them: folders, names on the hub, adapters and delta files.
export { applyBitDelta } from './bitdelta.js'
export { type BitDeltaContent, type BitDeltaOptions, writeBitDelta } from './bitdelta-write.js'
export { resolveInputs } from './companions.js'
export { findDelta, isBitDeltaFile } from './find-delta.js'
export { openModel, openModels, openPost, openPostFolder } from './open.js'
