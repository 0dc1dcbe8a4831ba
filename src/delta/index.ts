// Delta files: a model as what differs from its base, and the model again.
export { applyDelta } from './apply.js'
export { type Base, type ModelFolder, openBase, plainFolder } from './base.js'
export {
  bytesOfPlan,
  type CompressOptions,
  checkDeltaTarget,
  compressModel,
} from './compress.js'
export { type Delta, openDelta } from './container.js'
export { openDeltaCompanions, openDeltaFolder } from './folder.js'
export { isDeltaFile } from './mark.js'
export {
  type CodecPlan,
  codedUnit,
  type DeltaPlan,
  type LossySource,
  placedTensors,
  placeKey,
  planDelta,
} from './plan.js'
export { type DeltaReport, reportDelta, type StoredFile, type StoredRow } from './report.js'
export { isSame } from './same.js'
export { type ChangeTaker, fixedBytes, measureUnits, type UnitSize } from './sizes.js'
export { NotStored } from './store.js'
