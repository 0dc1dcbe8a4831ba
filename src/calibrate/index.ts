// Calibration on data: q of DAREx, scales of BitDelta, models of a soup, gates of a merge, and data for mergers.
export { calibrateScales, describeScales } from './bitdelta.js'
export { calibrateDarex, describeDarex, searchQ } from './darex.js'
export { writeInformation } from './information.js'
export { describeGates, findGates, gateFile } from './route.js'
export { distillScales } from './scales.js'
export { describeSoup, findSoup, soupFile } from './soup.js'
