// Models as users name them: folders, names on the hub, adapters and delta files.
export { applyBitDelta, isBitDeltaFile } from './bitdelta.js'
export { type BitDeltaContent, type BitDeltaOptions, writeBitDelta } from './bitdelta-write.js'
export { resolveInputs } from './companions.js'
export { findDelta } from './delta-model.js'
export { openModel, openModels, openPost, openPostFolder } from './open.js'
