// One edit of a pair from code: written as a checkpoint, or of one tensor in memory.

import { resolve } from 'node:path'
import { type DtypeName, dtypeNamed } from '../checkpoint/index.js'
import { readEntry } from '../config/index.js'
import { checkSteps, type EditSummary, estimateEdit, openGrams, writeEdit } from '../edit/index.js'
import { applySteps } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget } from '../files/index.js'
import { describePlugins } from '../registry/index.js'
import { showValue } from '../schema/index.js'
import { type BackendName, countEntries, forWeights, KERNELS, setBackend } from '../tensor/index.js'
import { checkerOf, given } from './given.js'
import { checkPair, type PairSource, pathsOf, withPair } from './pair.js'
import { type PluginOptions, registryFor } from './plugins.js'
import type { EditorEntry } from './steps.js'

/** How an edited checkpoint is made and written. */
export interface EditOptions extends PluginOptions {
  /** Folder to write. It appears when it is complete. */
  out: string
  /** Seed of the random draws, a whole number ≥ 0. Default 0. */
  seed?: number | undefined
  /** Format of the floating tensors; each keeps that of the post-trained model unless given. */
  dtype?: DtypeName | undefined
  /** Folder of Gram matrices (`deltalab information --kind gram`), for editors that need the inputs of layers. */
  data?: string | undefined
  /** Replace a folder that deltalab wrote. */
  overwrite?: boolean | undefined
  /** Drop what an interrupted run of the same edit finished, and start anew. Without it, the edit goes on with that. */
  discard?: boolean | undefined
  /** Worker threads; by default one for each core. The result does not depend on it. */
  jobs?: number | undefined
  /** Bound on the memory of the process in bytes. Default 1e9. */
  memory?: number | undefined
  /** Largest weight file, in GB. Default 5. */
  shardSize?: number | undefined
  /** `cpu` edits on plain JavaScript. Any other edits on wasm: the same weights on every machine. Default `auto`. */
  backend?: BackendName | undefined
  /** Called after each tensor with its name and its bytes in the post-trained model. */
  onTensor?: ((name: string, bytes: number) => void) | undefined
  /** Called with a sentence when an editor degenerates on a tensor, and on what an interrupted run finished. */
  onWarning?: ((text: string) => void) | undefined
}

const checkEdit = checkerOf<EditOptions>('edit', {
  plugins: given.plugins,
  out: given.word,
  seed: given.seed,
  dtype: given.word.optional(),
  data: given.word.optional(),
  overwrite: given.flag,
  discard: given.flag,
  jobs: given.count,
  memory: given.amount,
  shardSize: given.amount,
  backend: given.backend,
  onTensor: given.callback,
  onWarning: given.callback,
})

/**
 * Edits the delta of a pair and writes the result as a checkpoint that other tools load, with a model card. Tensors go
 * through worker threads, within the bound of `memory`. Those that are not selected are the post-trained model's, bit for bit.
 *
 * @param source folders of the pair, or an open pair
 * @param entry editor and options, or a chain of editors, and which tensors they edit
 * @param options where and how the checkpoint is written
 * @returns counts and norms over the edited tensors; `bits_per_parameter` is an estimate
 * @throws UserError for an unknown editor or option, a pattern that matches nothing, or a folder that may not be written
 */
export async function edit(source: PairSource, entry: EditorEntry, options: EditOptions): Promise<EditSummary> {
  checkPair(source)
  checkEdit(options)
  const { named, registry } = await registryFor(entry, options)
  const { on, tensors, ...edited } = readEntry(named, registry)
  const steps = registry.steps(edited.steps)
  const {
    out,
    seed = 0,
    dtype,
    data,
    overwrite = false,
    discard = false,
    shardSize = 5,
    jobs,
    memory,
    onTensor,
    onWarning,
  } = options
  checkSteps(steps, data !== undefined)
  const paths = pathsOf(source)
  await checkTarget(out, resolve(out), overwrite, [paths.base, paths.post])
  return withPair(source, async (pair) => {
    const grams = data === undefined ? undefined : await openGrams(data, pair)
    try {
      const settings = {
        steps,
        seed,
        on,
        ...tensors,
        ...(grams && { grams }),
        ...(dtype && { dtype: dtypeNamed(dtype) }),
      }
      const backend = estimateEdit(pair, settings).needsBackend
        ? await setBackend(forWeights(options.backend))
        : KERNELS
      const how = { registry, jobs, memory, overwrite, ...(onTensor && { onTensor }), ...(onWarning && { onWarning }) }
      return await writeEdit(
        pair,
        out,
        { ...settings, ...how },
        {
          backend: backend.package,
          ...describePlugins(registry, { editors: steps.map(({ editor }) => editor.name) }),
          shardSize,
          discard,
          note: onWarning ?? (() => undefined),
        },
      )
    } finally {
      await grams?.close()
    }
  })
}

/** How one tensor is edited. */
export interface EditDeltaOptions extends PluginOptions {
  /** Seed of the random draws. Default 0. */
  seed?: number | undefined
  /** Name of the tensor: random draws are keyed by seed, editor and this name. Default `delta`. */
  tensor?: string | undefined
  /** `cpu` edits on plain JavaScript. Any other edits on wasm: the same values on every machine. Default `auto`. */
  backend?: BackendName | undefined
  /** Called with a sentence when an editor degenerates. */
  onWarning?: ((text: string) => void) | undefined
}

const checkEditDelta = checkerOf<EditDeltaOptions>('editDelta', {
  plugins: given.plugins,
  seed: given.seed,
  tensor: given.word.optional(),
  backend: given.backend,
  onWarning: given.callback,
})

/**
 * The edited delta of one tensor in a new array. Large tensors are edited block by block where the editor allows it.
 *
 * @param values the delta, float32 in row-major order; it is not changed
 * @param shape its shape, whose product is the length of `values`
 * @param entry editor and options, or a chain of editors; its `tensors` are not used
 * @param options seed, name of the tensor, and backend
 * @throws UserError for an unknown editor or option, and values of another number than the shape has entries
 */
export async function editDelta(
  values: Float32Array,
  shape: readonly number[],
  entry: EditorEntry,
  options: EditDeltaOptions = {},
): Promise<Float32Array> {
  checkEditDelta(options)
  if (!(values instanceof Float32Array)) throw new UserError('editDelta: values must be a Float32Array')
  if (!Array.isArray(shape) || !shape.every((side) => Number.isInteger(side) && side >= 0))
    throw new UserError(`editDelta: shape must be a list of whole numbers; got ${showValue(shape)}`)
  if (values.length !== countEntries(shape))
    throw new UserError(`editDelta: values must have as many entries as the shape; got ${values.length} for [${shape}]`)
  const { seed = 0, tensor = 'delta', onWarning } = options
  const { named, registry } = await registryFor(entry, options)
  const steps = registry.steps(readEntry(named, registry).steps)
  await setBackend(forWeights(options.backend))
  return applySteps(steps, values, shape, { seed, tensor, ...(onWarning && { onWarning }) })
}
