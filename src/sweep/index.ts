// Sweeps: the runs of a plan on several threads, into a results folder; an interrupted sweep is resumed.
export * from './execute.js'
export * from './sweep.js'
