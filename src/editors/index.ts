// The built-in editors. A new editor is a file in this folder and a line here.
import { findNamed } from '../errors/index.js'
import { biased } from './biased.js'
import { bitdelta } from './bitdelta.js'
import { breadcrumbs } from './breadcrumbs.js'
import { dare } from './dare.js'
import { darex } from './darex.js'
import { deltaCome } from './delta_come.js'
import type { Editor } from './editor.js'
import { expo } from './expo.js'
import { impart } from './impart.js'
import { lowrank } from './lowrank.js'
import { magnitude } from './magnitude.js'
import { magprune } from './magprune.js'
import { quantise } from './quantise.js'
import { ultradelta } from './ultradelta.js'

export const editors: readonly Editor[] = [
  dare,
  magnitude,
  bitdelta,
  lowrank,
  expo,
  biased,
  darex,
  magprune,
  breadcrumbs,
  quantise,
  deltaCome,
  impart,
  ultradelta,
]

/** @throws UserError with the nearest name. */
export const editorNamed = (name: string): Editor => findNamed('editor', name, editors)

export { type ApplyContext, applySteps, editsBlocks, stepsBytes } from './apply.js'
export { defineEditor, type EditorDefinition, isEditor } from './define.js'
export * from './editor.js'
export * from './options.js'
export { programOf } from './program.js'
export * from './scan.js'
export * from './tensor.js'
