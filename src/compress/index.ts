// Delta files whose tensors have codecs of their own.
export { type CodecChoice, codecNames, optionsFor, type ParsedChoice, parseChoice } from './choice.js'
export {
  chooseAll,
  openStoredPair,
  planCompression,
  whyLeft,
} from './plan.js'
