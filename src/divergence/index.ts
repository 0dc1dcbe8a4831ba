// How far an edited model is from the post-trained one, without labels.

export { checkDivergence, divergenceOf, divergenceScores } from './divergence.js'
export { type Compared, measurePositions, type Positions } from './positions.js'
export { type Divergence, summarise } from './statistics.js'
