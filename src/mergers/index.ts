// The built-in mergers. A new merger is a file in this folder and a line here.
import { findNamed } from '../errors/index.js'
import { arceeFusion } from './arcee_fusion.js'
import { average } from './average.js'
import { emr } from './emr.js'
import { fisher } from './fisher.js'
import { isoC } from './iso_c.js'
import { karcher } from './karcher.js'
import { knotsTies } from './knots_ties.js'
import type { Merger } from './merger.js'
import { modelStock } from './model_stock.js'
import { multislerp } from './multislerp.js'
import { nearswap } from './nearswap.js'
import { nuslerp } from './nuslerp.js'
import { passthrough } from './passthrough.js'
import { ram, ramplusTl } from './ram.js'
import { regmean } from './regmean.js'
import { sce } from './sce.js'
import { slerp } from './slerp.js'
import { taskArithmetic } from './task_arithmetic.js'
import { ties } from './ties.js'
import { tsvMerge } from './tsv_merge.js'
import { twin } from './twin.js'
import { widen } from './widen.js'

export const mergers: readonly Merger[] = [
  average,
  taskArithmetic,
  ties,
  fisher,
  regmean,
  widen,
  slerp,
  nuslerp,
  multislerp,
  karcher,
  modelStock,
  sce,
  ram,
  ramplusTl,
  emr,
  tsvMerge,
  isoC,
  knotsTies,
  twin,
  nearswap,
  arceeFusion,
  passthrough,
]

/** @throws UserError with the nearest name. */
export const mergerNamed = (name: string): Merger => findNamed('merger', name, mergers)

export { type Merging, mergeTensors, needsModels, parseMerging, scanModels } from './apply.js'
export { mergeBytes, mergesTurned, mergeValues } from './blocks.js'
export { defineMerger, isMerger, type MergerDefinition } from './define.js'
export * from './greedy_soup.js'
export * from './merger.js'
export * from './router.js'
