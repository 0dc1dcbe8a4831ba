// Supervised training of a model from a recipe: AdamW, warm-up and decay, gradient clipping. The same recipe
// gives the same bytes, interrupted or not, on any number of workers.

import { join } from 'node:path'
import { openModel, type WriteOptions, writeCheckpoint } from '../checkpoint/index.js'
import type { Training } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget, tellFound } from '../files/index.js'
import { modelFolder, resolveCompanions } from '../hub/index.js'
import { checkClass, loadModel, modelOf, spellingIn } from '../models/index.js'
import { track, type Work } from '../progress/index.js'
import { placeIn } from '../schema/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { clipGradient, startAdamW, updateAdamW } from './adamw.js'
import { startGradients } from './gradients.js'
import { identityOf } from './identity.js'
import { drawWeights, layoutOf } from './layout.js'
import { openData } from './open.js'
import { learningRate } from './schedule.js'
import { holdState, loadState, removeState, saveState } from './state.js'

export interface TrainOptions {
  /** Folder that the recipe's paths are relative to. */
  root: string
  backend: BackendName
  workers: number
  overwrite?: boolean | undefined
  /** Called after every step. */
  onStep?: (step: number, loss: number, tokens: number) => void
}

/** The starting weights, and the config.json that the result carries. */
async function startingPoint(recipe: Training, root: string) {
  if (recipe.model && !recipe.from) {
    const model = loadModel(recipe.model)
    const { spans } = layoutOf(model)
    return {
      config: recipe.model,
      configText: null,
      model,
      spans,
      weights: drawWeights(spans, recipe.seed, Number(recipe.model.hidden_size)),
    }
  }
  const checkpoint = await openModel(recipe.from!, {
    root,
    check: (config, reference) => checkClass({ ...config, ...recipe.model }, reference),
  })
  if (!checkpoint.config) throw new UserError(`${recipe.from}: config.json is missing`)
  const config = { ...checkpoint.config, ...recipe.model }
  const model = recipe.model ? loadModel(config) : modelOf(checkpoint, recipe.from!)
  const { spans, length } = layoutOf(model)
  const weights = recipe.model ? drawWeights(spans, recipe.seed, model.width) : new Float32Array(length)
  // A new head's class may call the backbone otherwise than a file without a head does.
  const spelling = spellingIn(checkpoint.tensors.keys(), config)
  const found = spans.flatMap((span) => {
    const from = checkpoint.tensors.get(spelling(span.name) ?? span.name)
    return String(from?.shape) === String(span.shape) ? [{ ...span, from: from!.name }] : []
  })
  const bytes = found.reduce((sum, { begin, end }) => sum + 4 * (end - begin), 0)
  await track({ name: 'read the weights', unit: 'bytes', total: bytes }, async ({ add }) => {
    for (const { from, begin, end } of found) {
      weights.set(await checkpoint.read(from), begin)
      add(4 * (end - begin))
    }
  })
  await checkpoint.close()
  return { config, configText: checkpoint.configText, model, spans, weights }
}

/**
 * Trains and writes a Hugging Face folder with `loss.csv` in it. Resumes by itself from `<out>.training`.
 * @throws UserError before work starts for a bad recipe, data or output folder; for a loss that is no longer finite.
 */
export async function train(recipe: Training, options: TrainOptions): Promise<{ out: string; loss: number }> {
  const out = placeIn(options.root, recipe.out)
  await checkTarget(
    recipe.out,
    out,
    options.overwrite ?? false,
    recipe.from === undefined ? [] : [modelFolder(recipe.from, options.root)],
  )
  const stateFile = join(`${out}.training`, 'state')
  const held = await holdState(recipe.out, stateFile)
  try {
    return await trainHeld(recipe, options, out, { file: stateFile, say: held.say })
  } finally {
    await held.release()
  }
}

/** Trains while the state is locked. In one piece, because snapshots and the result are written by the same closure. */
async function trainHeld(
  recipe: Training,
  options: TrainOptions,
  out: string,
  { file: stateFile, say }: { file: string; say: (text: string) => void },
): Promise<{ out: string; loss: number }> {
  const at = (path: string) => placeIn(options.root, path)
  await setBackend(options.backend)
  const { config, configText, model, spans, weights: initial } = await startingPoint(recipe, options.root)
  const companions = await resolveCompanions((recipe.tokenizer ?? recipe.preprocessor)!, options)
  const batches = await openData(recipe, model, companions, at)

  const identity = await identityOf(recipe, initial, { companions, at })
  const saved = await loadState(stateFile, identity)
  for (const snapshot of recipe.snapshots)
    await checkTarget(snapshot.out, at(snapshot.out), options.overwrite === true || saved !== null)
  const state = saved ?? { step: 0, weights: initial, optimiser: startAdamW(initial.length), log: [] }
  const decays = spans.filter(({ shape }) => shape.length > 1).map(({ begin, end }): [number, number] => [begin, end])
  const write = (folder: string, more: Pick<WriteOptions, 'files' | 'overwrite'>) =>
    writeCheckpoint(folder, {
      plan: spans.map(({ name, shape }) => ({ name, shape, dtype: recipe.dtype })),
      tensors: spans.map(({ name, begin, end }) => ({ name, values: state.weights.subarray(begin, end) })),
      config,
      configText,
      tokenizerFrom: companions,
      ...more,
    })
  const pool = await startGradients(config, initial.length, { ...options, micro_batches: recipe.micro_batches })
  const gradient = new Float32Array(initial.length)
  const sayKept = (step: number) =>
    say(
      step === 0
        ? `no step of ${recipe.name} is kept: the first state is saved after ${recipe.save_every} (save_every)`
        : `step ${step} of ${recipe.steps} of ${recipe.name} is kept; the same command goes on from there`,
    )
  if (saved) tellFound(`${recipe.out}: goes on after step ${saved.step} of ${recipe.steps}`)
  sayKept(state.step)
  let last = NaN
  const loop = async ({ add, found }: Work) => {
    found(state.step)
    while (state.step < recipe.steps) {
      const { step } = state
      pool.weights.set(state.weights)
      const { loss, tokens } = await pool.compute(batches(step), gradient, add)
      if (!Number.isFinite(loss))
        throw new UserError(`${recipe.name}: the loss is ${loss} at step ${step}; try a lower learning_rate`)
      const norm = clipGradient(gradient, recipe.clip)
      const rate = learningRate(recipe, step)
      updateAdamW(state.optimiser, state.weights, gradient, {
        decays,
        rate,
        betas: recipe.betas,
        decay: recipe.weight_decay,
      })
      state.log.push([step, loss.toPrecision(6), norm.toPrecision(4), rate.toPrecision(4), tokens].join(','))
      state.step++
      last = loss
      options.onStep?.(state.step, loss, tokens)
      add(0, `step ${state.step}, loss ${loss.toFixed(4)}`)
      for (const snapshot of recipe.snapshots) {
        if (snapshot.step === state.step) await write(at(snapshot.out), { overwrite: true })
      }
      if (state.step % recipe.save_every === 0) {
        await saveState(stateFile, identity, state)
        sayKept(state.step)
      }
    }
  }
  await track({ name: recipe.name, unit: 'steps', total: recipe.steps }, loop).finally(pool.close)
  const files = { 'loss.csv': ['step,loss,gradient_norm,learning_rate,tokens', ...state.log, ''].join('\n') }
  await write(out, { files, overwrite: options.overwrite })
  await removeState(stateFile)
  return { out, loss: last }
}
