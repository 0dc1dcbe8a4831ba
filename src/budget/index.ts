// What a delta file may take: the codec of each tensor, chosen by the loss that it costs.
export { type Budget, parseBudget } from './budget.js'
export { parseChoices } from './candidates.js'
export { writeMemory } from './memory.js'
export { type ChoiceRecord, type ChooseOptions, chooseCodecs, recordOf } from './plan.js'
