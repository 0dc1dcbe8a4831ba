// The door for plugins, `import … from 'deltalab/plugin'`: what an editor, a merger or a task of one's own is made with.

export { z } from 'zod'
export { defineEditor, type EditContext, type Editor, type EditorDefinition } from './editors/index.js'
export { UserError } from './errors/index.js'
export { checkEditor, checkMerger, type EditorCheck, type MergerCheck, type MergerSetting } from './laws/index.js'
export {
  defineMerger,
  type MergeContext,
  type MergeInputs,
  type Merger,
  type MergerDefinition,
} from './mergers/index.js'
export { defineTask, type Task, type TaskCard, type TaskDefinition } from './tasks/index.js'
export { type BackendName, setBackend, type Tensor, tf } from './tensor/index.js'
