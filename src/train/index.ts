// Training: recipes, the optimiser, and the loop that resumes.
export * from './train.js'
