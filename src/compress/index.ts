// Delta files whose tensors have codecs of their own.
export { type CodecChoice, codecNames, optionsFor, type ParsedChoice, parseChoice } from './choice.js'
export {
  type CompressJob,
  chooseAll,
  type LeftLossless,
  openStoredPair,
  type PlannedDelta,
  planCompression,
  whyLeft,
} from './plan.js'
