// Measures the data of a model for Fisher merging and RegMean on a task, and writes it as a folder of tensors with the names of the
// weights: the `data` of a merge file.
import { basename, resolve } from 'node:path'
import { type TensorContent, writeCard, writeCheckpoint } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems, fitTask, openReader } from '../evaluate/index.js'
import { packageVersion } from '../files/index.js'
import { fisherDiagonals, gramMatrices, readWeights } from '../loss/index.js'
import { checkClass, checkFinite, modelOf, type Weights } from '../models/index.js'
import { openModel } from '../sources/index.js'
import { groupTask, loadTask, sliceTask, type TaskCard, taskWords } from '../tasks/index.js'
import { tf } from '../tensor/index.js'

const INFORMATION = ['fisher', 'gram'] as const
export type Information = (typeof INFORMATION)[number]

export interface InformationOptions {
  task: string
  /** Tasks of plugins, which `task` may name. */
  tasks?: readonly TaskCard[] | undefined
  items: number
  overwrite?: boolean
  /** npm package that computes. */
  backend: string
}

/** Measures one model on the last `items` items of a task and writes the folder. */
export async function writeInformation(
  kind: Information,
  reference: string,
  out: string,
  options: InformationOptions,
): Promise<{ tensors: number }> {
  const { task: source, tasks, items, overwrite, backend } = options
  const [checkpoint, given] = [await openModel(reference, { check: checkClass }), await loadTask(source, { tasks })]
  let weights: Weights = {}
  try {
    const model = modelOf(checkpoint, reference)
    const reader = await openReader(checkpoint, model)
    const task = await fitTask(given, reader, model)
    if (task.items.length < items)
      throw new UserError(`${taskWords(source)}: has ${task.items.length} items, fewer than --items ${items}`)
    weights = await readWeights(model, (name) => checkpoint.read(name))
    const chosen = sliceTask(task, -items)
    const found =
      kind === 'gram'
        ? await gramMatrices(model, weights, await encodeItems(chosen, reader, model))
        : await fisherDiagonals(
            model,
            weights,
            (await Promise.all(groupTask(chosen, 1).map((item) => encodeItems(item, reader, model)))).flat(),
          )
    for (const [name, values] of found) checkFinite(values, () => `${kind} of ${name}`)
    const shapeOf = (name: string, { length }: Float32Array): number[] =>
      kind === 'gram' ? [Math.sqrt(length), Math.sqrt(length)] : model.shapes[name]!
    const plan = [...found].map(([name, values]) => ({ name, shape: shapeOf(name, values), dtype: 'F32' }))
    const tensors = [...found].map(([name, values]): TensorContent => ({ name, values }))
    const inputs = [{ role: 'model', name: basename(resolve(reference)), contents: await checkpoint.hashes() }]
    const settings = { information: kind, task: task.name, items }
    const software = { deltalab: packageVersion(), node: process.version, backend }
    const card = writeCard({ title: basename(resolve(out)), inputs, settings, software })
    await writeCheckpoint(out, { plan, tensors, config: null, overwrite, card })
    return { tensors: found.size }
  } finally {
    tf.dispose(weights)
    await checkpoint.close()
  }
}
