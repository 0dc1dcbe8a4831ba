// Supervised training of a model from a recipe: AdamW, warm-up and decay, gradient clipping. The same recipe
// gives the same bytes, interrupted or not, on any number of workers.

import { join } from 'node:path'
import type { Training } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { checkTarget, tellFound } from '../files/index.js'
import { modelFolder } from '../hub/index.js'
import { track, type Work } from '../progress/index.js'
import { placeIn } from '../schema/index.js'
import { resolveInputs } from '../sources/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { clipGradient, startAdamW, updateAdamW } from './adamw.js'
import { startGradients } from './gradients.js'
import { identityOf } from './identity.js'
import { openData } from './open.js'
import { learningRate } from './schedule.js'
import { startingPoint } from './start.js'
import { holdState, loadState, removeState, saveState } from './state.js'
import { tuningOf } from './tunings.js'

export interface TrainOptions {
  /** Folder that the recipe's paths are relative to. */
  root: string
  backend: BackendName
  workers: number
  overwrite?: boolean | undefined
  /** Called after every step. */
  onStep?: (step: number, loss: number, tokens: number) => void
}

/**
 * Trains and writes a Hugging Face folder with `loss.csv` in it: the whole model, or with `tuning: lora`, `prompt` and `palt` an adapter. Resumes by itself from `<out>.training`.
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
  await setBackend(options.backend, { exact: true })
  const start = await startingPoint(recipe, options.root)
  const companions = await resolveInputs((recipe.tokenizer ?? recipe.preprocessor)!, options)
  const batches = await openData(recipe, start.model, companions, at)

  const identity = await identityOf(recipe, start.weights, { companions, at })
  const saved = await loadState(stateFile, identity)
  for (const snapshot of recipe.snapshots)
    await checkTarget(snapshot.out, at(snapshot.out), options.overwrite === true || saved !== null)
  const tuning = tuningOf({ ...start, companions })
  const { parameters } = tuning
  const state = saved ?? { step: 0, weights: tuning.start, optimiser: startAdamW(tuning.start.length), log: [] }
  const decays = parameters
    .filter(({ shape }) => shape.length > 1)
    .map(({ begin, end }): [number, number] => [begin, end])
  const { length } = start.weights
  const { trained } = tuning
  const pool = await startGradients({ config: start.config, shapes: start.model.shapes }, length, {
    ...options,
    micro_batches: recipe.micro_batches,
    trained,
  })
  pool.weights.set(start.weights)
  const gradient = new Float32Array(length)
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
      tuning.apply(state.weights, pool.weights)
      const { loss, tokens } = await pool.compute(batches(step), gradient, add)
      if (!Number.isFinite(loss))
        throw new UserError(`${recipe.name}: the loss is ${loss} at step ${step}; try a lower learning_rate`)
      const pulled = tuning.pull(gradient, state.weights)
      const norm = clipGradient(pulled, recipe.clip)
      const rate = learningRate(recipe, step)
      updateAdamW(state.optimiser, state.weights, pulled, {
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
        if (snapshot.step === state.step) await tuning.write(at(snapshot.out), state.weights, { overwrite: true })
      }
      if (state.step % recipe.save_every === 0) {
        await saveState(stateFile, identity, state)
        sayKept(state.step)
      }
    }
  }
  await track({ name: recipe.name, unit: 'steps', total: recipe.steps }, loop).finally(pool.close)
  const files = { 'loss.csv': ['step,loss,gradient_norm,learning_rate,tokens', ...state.log, ''].join('\n') }
  await tuning.write(out, state.weights, { files, overwrite: options.overwrite })
  await removeState(stateFile)
  return { out, loss: last }
}
