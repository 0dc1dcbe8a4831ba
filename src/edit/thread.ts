// Edits parts of tensors by the definitions of the editors, and writes them in place: in this thread, or in one that opens the same pair.
import { type Pair, pairCheckpoints, type WritableDtype, writeTensor } from '../checkpoint/index.js'
import type { Options } from '../editors/index.js'
import { modulesOf, type PluginModule, type Registry, reopenRegistry } from '../registry/index.js'
import { openModels } from '../sources/index.js'
import type { TensorRows } from '../stream/index.js'
import { type BackendName, countEntries, setBackend } from '../tensor/index.js'
import type { EditCheckpointOptions } from './options.js'
import { planEdit } from './plan.js'
import { type EditFound, editWeights, openGrams } from './tensor.js'

/** What an edit was opened from: plain data. */
export interface EditOrigin {
  base: string
  post: string
  steps: { editor: string; options: Options }[]
  settings: Pick<EditCheckpointOptions, 'seed' | 'on' | 'include' | 'exclude'> & { dtype?: WritableDtype | undefined }
  grams: string | undefined
  plugins: readonly PluginModule[]
}

/** Null where a plugin is an object, which cannot leave its thread. */
export function editOrigin(
  { base, post }: Pair,
  { steps, seed, on, include, exclude, dtype, grams }: EditCheckpointOptions,
  registry: Registry,
): EditOrigin | null {
  const plugins = modulesOf(registry)
  const named = steps.map(({ editor, options }) => ({ editor: editor.name, options }))
  const settings = { seed, on, ...(include && { include }), ...(exclude && { exclude }), dtype }
  return plugins && { base: base.folder, post: post.folder, steps: named, settings, grams: grams?.folder, plugins }
}

/** What a thread is opened with. */
export interface EditThread {
  origin: EditOrigin
  backend: BackendName
  scanned: readonly unknown[]
}

export interface EditTask extends TensorRows {
  /** Where the tensor goes. */
  target: { file: string; begin: number }
}

/** What does tasks; each answers what is found of its part. */
export function editorOf(
  pair: Pair,
  options: EditCheckpointOptions,
  scanned: readonly unknown[],
): (task: EditTask) => Promise<EditFound> {
  const plan = planEdit(pair, options)
  return async ({ tensor: i, rows, target }) => {
    const { source, shape } = plan[i]!
    const { values, found } = await editWeights(pair, source, { ...options, scanned }, rows)
    const first = rows ? rows.from * countEntries(shape.slice(1)) : undefined
    await writeTensor(plan[i]!, target, { values, first })
    return found
  }
}

/** The same in another thread. */
export async function openEditor({ origin, backend, scanned }: EditThread): Promise<ReturnType<typeof editorOf>> {
  await setBackend(backend, { threads: 1 })
  const { pair, options } = await reopenEdit(origin)
  return editorOf(pair, options, scanned)
}

/** The pair and the options that an edit was opened from. */
export async function reopenEdit(origin: EditOrigin): Promise<{ pair: Pair; options: EditCheckpointOptions }> {
  const registry = await reopenRegistry(origin.plugins)
  const pair = await pairCheckpoints(...(await openModels(origin.base, origin.post, { keepsCodes: true })), {
    ignoreUnmatched: true,
  })
  const grams = origin.grams === undefined ? undefined : await openGrams(origin.grams, pair)
  return { pair, options: { ...origin.settings, steps: registry.steps(origin.steps), grams } }
}
