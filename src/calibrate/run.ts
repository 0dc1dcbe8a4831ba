// Calibration of a pair of checkpoints on the items of a task.
import { basename, resolve } from 'node:path'
import {
  companionsOf,
  homeOf,
  openModels,
  type Pair,
  pairCheckpoints,
  selectTensors,
  writeCard,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { bytesOf, encodeFile, encodeSigns, type Signs, type StoredTensor } from '../codecs/index.js'
import { applySteps, editorNamed } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems, loadReader } from '../evaluate/index.js'
import { checkTarget, packageVersion } from '../files/index.js'
import { lossOf } from '../loss/index.js'
import { type Batch, type Model, modelOf, type Weights } from '../models/index.js'
import { loadTask, sliceTask } from '../tasks/index.js'
import { countEntries, type Tensor, tf } from '../tensor/index.js'
import { type FoundQ, searchQ } from './darex.js'
import { type Distilled, type DistillOptions, distillScales } from './scales.js'

/** A pair with its weights as tensors, and batches of the task: the last `items` items to calibrate on, as many first ones to check. */
interface Held {
  pair: Pair
  model: Model
  base: Weights
  post: Weights
  calibration: Batch[]
  check: Batch[]
  dispose(): Promise<void>
}

async function hold(
  baseReference: string,
  postReference: string,
  { task: taskName, items, ignoreUnmatched }: CalibrateOptions,
): Promise<Held> {
  const [task, [first, second]] = [await loadTask(taskName), await openModels(baseReference, postReference)]
  const pair = await pairCheckpoints(first, second, { ignoreUnmatched })
  if (task.items.length < 2 * items) {
    throw new UserError(
      `${taskName}: has ${task.items.length} items; twice --items ${items} are needed, to calibrate and to check`,
    )
  }
  const model = modelOf(second, postReference)
  const reader = await loadReader(companionsOf(second), homeOf(second))
  const [base, post]: Weights[] = [{}, {}]
  for (const name of Object.keys(model.shapes)) {
    const values = await second.read(name)
    post![name] = tf.tensor(values, model.shapes[name])
    base![name] = pair.names.includes(name)
      ? tf.tensor(await first.read(name), model.shapes[name])
      : post![name].clone()
  }
  const encode = (from: number) =>
    encodeItems(sliceTask(task, from, from + items), reader, model, { batchTokens: 1024 })
  return {
    pair,
    model,
    base: base!,
    post: post!,
    calibration: await encode(task.items.length - items),
    check: await encode(0),
    async dispose() {
      tf.dispose([base, post])
      await Promise.all([first.close(), second.close()])
    },
  }
}

export interface CalibrateOptions {
  task: string
  items: number
  /** Tensors that only one side has, or in another shape, stay as the post-trained model has them. */
  ignoreUnmatched?: boolean
}

export interface DarexOptions extends CalibrateOptions {
  drop_rate: number
  seed: number
}

export interface DarexResult extends FoundQ {
  /** Loss on other items at 1 - p and at q. */
  check: { dare: number; darex: number }
}

/** q of DAREx for one mask (seed), with the loss on items that the search did not see at q and at 1 - p. */
export async function calibrateDarex(base: string, post: string, options: DarexOptions): Promise<DarexResult> {
  const { drop_rate, seed } = options
  if (!(drop_rate > 0 && drop_rate < 1))
    throw new UserError(`the drop rate must be between 0 and 1; got ${drop_rate}`, { exitCode: 2 })
  const held = await hold(base, post, options)
  const editor = editorNamed('darex')
  const lossAt = async (q: number, batches: Batch[]) => {
    const edited: Record<string, Tensor> = {}
    for (const name of held.pair.names.filter((one) => one in held.post)) {
      const delta = tf.tidy(() => held.post[name]!.sub(held.base[name]!))
      const values = (await delta.data()) as Float32Array
      const dropped = await applySteps([{ editor, options: { drop_rate, q } }], values, delta.shape, {
        seed,
        tensor: name,
      })
      edited[name] = tf.tidy(() => held.base[name]!.add(tf.tensor(dropped, delta.shape)))
      delta.dispose()
    }
    const { mean } = await lossOf(held.model, { ...held.post, ...edited }, batches)
    tf.dispose(edited)
    return mean
  }
  const found = await searchQ(drop_rate, (q) => lossAt(q, held.calibration))
  const check = { dare: await lossAt(1 - drop_rate, held.check), darex: await lossAt(found.q, held.check) }
  await held.dispose()
  return { ...found, check }
}

export interface ScalesOptions extends CalibrateOptions, DistillOptions {
  /** Checkpoint folder to write. */
  out?: string | undefined
  overwrite?: boolean
}

export interface ScalesResult extends Omit<Distilled, 'scales' | 'initial'> {
  matrices: number
  /** Loss on items that were not trained on: post-trained, BitDelta, distilled. */
  check: { post: number; bitdelta: number; distilled: number }
  /** Bytes of the signs and scales, and of the same matrices in 16 bits. */
  bytes: number
  dense_bytes: number
}

/** Distils the scales of the linear matrices; writes a checkpoint with `signs.safetensors` beside the weights when `out` is given. */
export async function calibrateScales(base: string, post: string, options: ScalesOptions): Promise<ScalesResult> {
  const { task, items, steps, rate, out, overwrite } = options
  if (!(rate > 0)) throw new UserError(`the learning rate must be above 0; got ${rate}`, { exitCode: 2 })
  if (out) await checkTarget(out, resolve(out), overwrite ?? false, [base, post])
  const held = await hold(base, post, options)
  const names = selectTensors(
    held.pair.names.map((name) => held.pair.post.tensors.get(name)!),
    { include: ['linear'] },
  )
  const { scales, initial, errors } = await distillScales(held.model, held.base, held.post, names, held.calibration, {
    steps,
    rate,
  })
  const signs = new Map<string, Signs>()
  const at: Record<'bitdelta' | 'distilled', Weights> = { bitdelta: {}, distilled: {} }
  for (const name of names) {
    const [delta, before] = tf.tidy(() => [held.post[name]!.sub(held.base[name]!), held.base[name]!.clone()])
    signs.set(name, encodeSigns((await delta.data()) as Float32Array, held.model.shapes[name]!, scales.get(name)))
    const sign = tf.tidy(() => delta.greaterEqual(0).cast('float32').mul(2).sub(1))
    at.bitdelta[name] = tf.tidy(() => before.add(sign.mul(initial.get(name)!)))
    at.distilled[name] = tf.tidy(() => before.add(sign.mul(scales.get(name)!)))
    tf.dispose([delta, before, sign])
  }
  const loss = async (weights: Weights) => (await lossOf(held.model, { ...held.post, ...weights }, held.check)).mean
  const check = { post: await loss({}), bitdelta: await loss(at.bitdelta), distilled: await loss(at.distilled) }
  if (out) await write(out, held, at.distilled, signs, { task, items, steps, rate }, overwrite)
  tf.dispose([at.bitdelta, at.distilled])
  const bytes = [...signs.values()].reduce((sum, each) => sum + bytesOf(each), 0)
  const dense = names.reduce((sum, name) => sum + 2 * countEntries(held.model.shapes[name]!), 0)
  await held.dispose()
  return { matrices: names.length, errors, check, bytes, dense_bytes: dense }
}

async function write(
  out: string,
  { pair, model, post }: Held,
  edited: Weights,
  signs: Map<string, Signs>,
  settings: Record<string, unknown>,
  overwrite = false,
) {
  const inputs = []
  for (const [role, checkpoint] of [
    ['base', pair.base],
    ['post', pair.post],
  ] as const) {
    inputs.push({ role, name: basename(resolve(checkpoint.folder)), hashes: await checkpoint.hashes() })
  }
  const card = writeCard({
    title: basename(resolve(out)),
    inputs,
    settings: { method: 'bitdelta with distilled scales', ...settings },
    software: { deltalab: packageVersion(), node: process.version },
    citations: [editorNamed('bitdelta').cite],
  })
  const dtypeOf = (name: string) => pair.post.tensors.get(name)!.dtype.replace('F64', 'F32')
  async function* tensors() {
    for (const name of Object.keys(model.shapes))
      yield { name, values: (await (edited[name]! ?? post[name]!).data()) as Float32Array }
  }
  const plan = Object.entries(model.shapes).map(([name, shape]) => ({ name, shape, dtype: dtypeOf(name) }))
  const stored: Record<string, StoredTensor> = {}
  for (const [name, { words, alpha, shape }] of signs) {
    stored[`${name}.words`] = { dtype: 'I32', shape: [words.length / shape[0]!, shape[0]!], values: words }
    stored[`${name}.scale`] = { dtype: 'F32', shape: [1], values: alpha }
  }
  const files = { 'signs.delta': encodeFile(stored, { format: 'deltalab-signs' }) }
  await writeCheckpoint(out, {
    plan,
    tensors: tensors(),
    files,
    config: pair.post.config,
    configText: pair.post.configText,
    copyFrom: homeOf(pair.post),
    tokenizerFrom: companionsOf(pair.post),
    card,
    overwrite,
  })
}
