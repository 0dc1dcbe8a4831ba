// Checkpoint folders, both ways: the only room that knows file formats of weights.

export { type AdapterPlan, planAdapter } from './adapter-plan.js'
export { type LoraFactors, type WholeTensor, writeAdapter } from './adapter-write.js'
export { writeCard } from './card.js'
export {
  ADAPTER_CONFIG,
  type Checkpoint,
  classNameOf,
  type OpenFolderOptions,
  type StoredPlace,
  type TensorAt,
  weightRows,
} from './checkpoint.js'
export { completeClip, isClipVision } from './clip-vision.js'
export { withComputed } from './computed-tensors.js'
export { configDifference } from './config-fields.js'
export {
  CONTENT_NAME,
  checkpointName,
  contentsOf,
  type Description,
  type NameContent,
  withDescription,
} from './described.js'
export {
  BadWeights,
  DTYPES,
  type DtypeName,
  decode,
  dtypeNamed,
  encode,
  isFloating,
  TORCH_NAMES,
  WRITABLE,
  type WritableDtype,
} from './dtype.js'
export { openCheckpoint } from './folder.js'
export { type Clock, forecastSeconds, storedBytes } from './forecast.js'
export { hashFile, readHash } from './hash.js'
export { readHeader, type TensorEntry } from './header.js'
export { companionsOf, homeOf, inputsOf, sourcesOf } from './home.js'
export { type PlannedTensor, tensorBytes } from './layout.js'
export { agreeOnLite } from './lite.js'
export { addMadeFile, madeFile, openFile } from './made-file.js'
export { adapterBase, isAdapter, openAdapter, openFolder } from './model-folder.js'
export { inputWidth, type MatrixLayout, matrixLayout } from './orientation.js'
export { type Pair, pairCheckpoints } from './pair.js'
export { checkLite, writeLite } from './parameter-lite.js'
export { checkQuantisation } from './quantised.js'
export {
  isBatch,
  isLinear,
  isMatrix,
  layerOf,
  leftByLinear,
  matricesOf,
  ROLES,
  type Role,
  roleOf,
  type Selection,
  selectTensors,
} from './roles.js'
export { openWeights, type SingleFile } from './single.js'
export { rewriteJson } from './spelling.js'
export { agreeOnNames, underNamesOf } from './spellings.js'
export { type FileTensor, openStoredTensors, tensorsOfFile } from './stored-tensors.js'
export {
  countComputed,
  type StreamedWork,
  streamInto,
  streamTensors,
  surveyTensor,
  type TensorWork,
} from './streamed.js'
export { agreeOnTies, hasOutput, untie } from './tied.js'
export { readWeightHeader } from './weight-reader.js'
export { type TensorContent, type WeightFiles, type WriteOptions, writeCheckpoint, writeTensor } from './write.js'
