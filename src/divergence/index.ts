// How far an edited model is from the post-trained one, without labels.

export { divergenceOf, divergenceScores, ownScores } from './divergence.js'
export { type Compared, joinPositions, measurePositions, type Positions } from './positions.js'
export { type KeptStates, keepStates } from './states.js'
export { type Divergence, summarise } from './statistics.js'
