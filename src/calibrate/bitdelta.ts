// BitDelta with distilled scales on a pair of checkpoints: measures loss and size, and writes the checkpoint.
import { basename, resolve } from 'node:path'
import { checkpointName, companionsOf, homeOf, selectTensors, writeCard, writeCheckpoint } from '../checkpoint/index.js'
import { bytesOf, encodeFile, encodeSigns, type Signs, type StoredTensor } from '../codecs/index.js'
import { editorNamed } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { checkSpace, checkTarget, packageVersion } from '../files/index.js'
import { lossOf } from '../loss/index.js'
import type { Weights } from '../models/index.js'
import { countEntries, tf } from '../tensor/index.js'
import { type CalibrateOptions, type CalibrationPair, withCalibrationPair } from './calibration-pair.js'
import { type Distilled, type DistillOptions, distillScales } from './scales.js'

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

/** Distils the scales of the linear matrices; writes a checkpoint with `signs.delta` beside the weights when `out` is given. */
export async function calibrateScales(base: string, post: string, options: ScalesOptions): Promise<ScalesResult> {
  const { task, items, steps, rate, out, overwrite } = options
  if (!(rate > 0)) throw new UserError(`the learning rate must be above 0; got ${rate}`, { exitCode: 2 })
  if (out) await checkTarget(out, resolve(out), overwrite ?? false, [base, post])
  return withCalibrationPair(base, post, options, async (held) => {
    const { tensors } = held.pair.post
    const written = [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)
    if (out) await checkSpace(out, resolve(out), written)
    const names = selectTensors(
      held.pair.names.map((name) => tensors.get(name)!),
      { include: ['linear'] },
    )
    const distilled = await distillScales(held.model, { ...held, names }, held.calibration, { steps, rate })
    const { signs, bitdelta, best } = await applyScales(held, names, distilled)
    try {
      const loss = async (weights: Weights) => (await lossOf(held.model, { ...held.post, ...weights }, held.check)).mean
      const check = { post: await loss({}), bitdelta: await loss(bitdelta), distilled: await loss(best) }
      if (out)
        await writeTuned(out, held, { edited: best, signs }, { settings: { task, items, steps, rate }, overwrite })
      return {
        matrices: names.length,
        errors: distilled.errors,
        check,
        bytes: [...signs.values()].reduce((sum, each) => sum + bytesOf(each), 0),
        dense_bytes: names.reduce((sum, name) => sum + 2 * countEntries(held.model.shapes[name]!), 0),
      }
    } finally {
      tf.dispose([bitdelta, best])
    }
  })
}

/** The edited matrices with the scales of BitDelta and with the distilled ones, and the signs in their stored form. */
async function applyScales(
  { base, post, model }: CalibrationPair,
  names: readonly string[],
  { scales, initial }: Distilled,
): Promise<{ signs: Map<string, Signs>; bitdelta: Weights; best: Weights }> {
  const signs = new Map<string, Signs>()
  const bitdelta: Weights = {}
  const best: Weights = {}
  for (const name of names) {
    const [before, delta] = [base[name]!, tf.tidy(() => post[name]!.sub(base[name]!))]
    signs.set(name, encodeSigns((await delta.data()) as Float32Array, model.shapes[name]!, scales.get(name)))
    const sign = tf.tidy(() => delta.greaterEqual(0).cast('float32').mul(2).sub(1))
    bitdelta[name] = tf.tidy(() => before.add(sign.mul(initial.get(name)!)))
    best[name] = tf.tidy(() => before.add(sign.mul(scales.get(name)!)))
    tf.dispose([delta, sign])
  }
  return { signs, bitdelta, best }
}

async function writeTuned(
  out: string,
  { pair, model, base, post }: CalibrationPair,
  { edited, signs }: { edited: Weights; signs: ReadonlyMap<string, Signs> },
  { settings, overwrite }: { settings: Record<string, unknown>; overwrite: boolean | undefined },
): Promise<void> {
  const inputs = []
  for (const [role, checkpoint] of [
    ['base', pair.base],
    ['post', pair.post],
  ] as const) {
    inputs.push({ role, name: checkpointName(checkpoint), contents: await checkpoint.hashes() })
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
      yield { name, values: (await (edited[name] ?? post[name]!).data()) as Float32Array }
  }
  const stored = await storedSigns(signs, { base, post })
  await writeCheckpoint(out, {
    plan: Object.entries(model.shapes).map(([name, shape]) => ({ name, shape, dtype: dtypeOf(name) })),
    tensors: tensors(),
    files: { 'signs.delta': encodeFile(stored, { format: 'pt' }) },
    config: pair.post.config,
    configText: pair.post.configText,
    copyFrom: homeOf(pair.post),
    tokenizerFrom: companionsOf(pair.post),
    card,
    overwrite: overwrite ?? false,
  })
}

/** What BitDelta saves, under its names: signs and scale of each matrix, and other weights that are not the base's. */
async function storedSigns(
  signs: ReadonlyMap<string, Signs>,
  { base, post }: Pick<CalibrationPair, 'base' | 'post'>,
): Promise<Record<string, StoredTensor>> {
  const stored: Record<string, StoredTensor> = {}
  for (const [name, { words, alpha, shape }] of signs) {
    const module = name.replace(/\.weight$/, '')
    stored[`${module}.mask`] = { dtype: 'I32', shape: [words.length / shape[0]!, shape[0]!], values: words }
    stored[`${module}.coeff`] = { dtype: 'F32', shape: [], values: alpha }
  }
  for (const [name, weight] of Object.entries(post)) {
    if (signs.has(name)) continue
    const [before, values] = [(await base[name]!.data()) as Float32Array, (await weight.data()) as Float32Array]
    if (before.some((value, i) => value !== values[i])) stored[name] = { dtype: 'F32', shape: weight.shape, values }
  }
  return stored
}

/** The result in words. */
export function describeScales({ matrices, errors, check, bytes, dense_bytes }: ScalesResult): string {
  const difference = `${errors[0]!.toPrecision(4)} → ${errors.at(-1)!.toPrecision(4)}`
  const losses = `loss ${check.distilled.toFixed(4)}, of BitDelta ${check.bitdelta.toFixed(4)}, post-trained ${check.post.toFixed(4)}`
  return (
    `${matrices} matrices: squared logit difference ${difference}; on as many other items: ${losses} nats per token; ` +
    `${bytes} bytes of signs and scales for ${dense_bytes} in 16 bits`
  )
}
