// Delta files: a model as what differs from its base, and the model again.
export { type ApplyOptions, applyDelta } from './apply.js'
export { type Base, openBase } from './base.js'
export { bytesOfPlan, type CompressOptions, checkDeltaTarget, compressModel } from './compress.js'
export { type Delta, openDelta } from './container.js'
export { type DeltaFolder, isDeltaFile, openDeltaCompanions, openDeltaFolder } from './folder.js'
export { type CodecPlan, type DeltaPlan, type LossySource, placeKey, planDelta } from './plan.js'
export { type DeltaReport, reportDelta, type StoredFile, type StoredRow } from './report.js'
export { isSame } from './same.js'
