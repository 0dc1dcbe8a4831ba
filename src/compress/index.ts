// Delta files whose tensors have codecs of their own.
export { type CodecChoice, codecNames, optionsFor, type ParsedChoice, parseChoice } from './choice.js'
export { measureChoices, type PlannedPair, type TensorChoice } from './measure.js'
export { factorRoom, leastLossy } from './memory.js'
export {
  chooseAll,
  describeLeft,
  openStoredPair,
  placeKeys,
  planCompression,
  whyLeft,
} from './plan.js'
export { factorBytes } from './source.js'
