// How far an edited model is from the post-trained one, without labels.

export { divergenceOf, divergenceScores, ownScores } from './divergence.js'
export { cosineScores, pooledModel } from './features.js'
export { measurePositions } from './measure.js'
export { joinPositions, type Positions } from './positions.js'
export { type KeptStates, keepStates, openStates } from './states.js'
export { summarise } from './statistics.js'
