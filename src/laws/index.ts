// The laws that every editor and every merger keeps, for our own and for those of others.

export { checkEditor, type EditorCheck, editorSubject } from './editor.js'
export { editorLaws } from './editor-laws.js'
export { checkMerger, type MergerCheck, mergerSubject } from './merger.js'
export { mergerLaws } from './merger-laws.js'
export type { MergerSetting } from './merger-trial.js'
