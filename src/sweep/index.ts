// Sweeps: plan, run, resume. The only room that joins the others.
export * from './cost.js'
export * from './execute.js'
export * from './forecast.js'
export * from './inputs.js'
export * from './measure.js'
export * from './plan.js'
export * from './sweep.js'
