// The functions of the library: what the commands do, from code, with plain data in and out.

export type { Shard } from '../record/index.js'
export * from './delta.js'
export * from './edit.js'
export * from './evaluate.js'
export * from './inspect.js'
export * from './merge.js'
export { type OpenPair, type OpenPairOptions, openPair, type PairPaths, type PairSource } from './pair.js'
export { type LoadedPlugin, loadPlugin, type PluginOptions } from './plugins.js'
export type { EditorEntry, EditorPlace, EditorStep } from './steps.js'
export * from './sweep.js'
