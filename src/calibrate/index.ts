// Calibration on data of what an editor leaves open: the q of DAREx, the scales of BitDelta.
export * from './darex.js'
export * from './describe.js'
export { writeInformation } from './information.js'
export * from './route.js'
export * from './run.js'
export * from './scales.js'
export * from './soup.js'
