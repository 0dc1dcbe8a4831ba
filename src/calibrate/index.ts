// Calibration on data: q of DAREx, scales of BitDelta, models of a soup, gates of a merge, and data for mergers.
export { calibrateScales, describeScales, type ScalesOptions, type ScalesResult } from './bitdelta.js'
export { calibrateDarex, type DarexOptions, type DarexResult, describeDarex, searchQ } from './darex.js'
export { INFORMATION, type Information, type InformationOptions, writeInformation } from './information.js'
export { describeGates, type FoundGates, findGates, gateFile, type RouteOptions } from './route.js'
export { distillScales } from './scales.js'
export { describeSoup, type FoundSoup, findSoup, type SoupOptions, soupFile } from './soup.js'
