// What a tensor is called, in the file, in memory, and whatever the spelling; and what the name of a metric says.

export { isBuffer, isPassedOver, isStatistic } from './buffers.js'
export { canonicalName, firstByName } from './canonical.js'
export { EXPERT_PARTS, expertParts, sameExpertPart } from './expert-names.js'
export { knowsNames, memoryName, memoryNames, type NamedConfig, noteNames } from './memory.js'
export { DIVERGENCES, describeMetric, fourDigits, scoreText } from './metric.js'
export { countWrappers, plainName } from './wrappers.js'
