// Training: recipes, the optimiser, and the loop that resumes.

export { writeRandom } from './random.js'
export * from './train.js'
