// The laws that every editor and every merger keeps, for our own and for those of others.

export { checkEditor, type EditorCheck, type EditorSubject, editorLaws, editorSubject } from './editor.js'
export type { Law } from './law.js'
export {
  checkMerger,
  type MergerCheck,
  type MergerSetting,
  type MergerSubject,
  mergerLaws,
  mergerSubject,
} from './merger.js'
