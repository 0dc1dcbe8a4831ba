// Runs a zeroth-order recipe: every run from the same base, its delta stored as seeds and scalars, rebuilt from the file, and
// compared bit by bit with the weights that were measured.
import { createHash } from 'node:crypto'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError, within } from '../errors/index.js'
import { checkTask, encodeItems, evaluateTask, loadText, type TextReader } from '../evaluate/index.js'
import { attempt, holdText, prepareFolder, tellFound } from '../files/index.js'
import type { Seeds } from '../kernels/index.js'
import { lossOf } from '../loss/index.js'
import { type Batch, type Model, NotFinite, type Sequence } from '../models/index.js'
import { track, type Work } from '../progress/index.js'
import { checkNoModel, lockFolder, readEnvironment } from '../record/index.js'
import { hashesOf, makeRegistry, type PluginSource } from '../registry/index.js'
import { placeIn } from '../schema/index.js'
import { loadTask, type Task } from '../tasks/index.js'
import { type BackendName, setBackend, tf } from '../tensor/index.js'
import { batcher, readSequences, warnIfFewer } from './data.js'
import { fedkseed } from './fedkseed.js'
import { type Entry, openJournal } from './journal.js'
import { mezo } from './mezo.js'
import { copyOf, type Point } from './probe.js'
import { stepsOf, type ZerothRecipe, type ZerothRun } from './recipe.js'
import { openResults, type ZerothResult } from './results.js'
import { readPoint } from './start.js'
import { readSeeds, rebuild, writeSeeds } from './store.js'

export interface ZerothOptions {
  /** Folder that the recipe's paths are relative to. */
  root: string
  /** Further plugins than those of the recipe. */
  plugins?: readonly PluginSource[] | undefined
  /** Results folder. */
  out: string
  backend: BackendName
  /** Told what does not stop the work, but may not be what is wanted. */
  onWarning?: ((text: string) => void) | undefined
}

/** What all runs of a recipe share. */
interface Opened {
  model: Model
  base: Point
  reader: TextReader
  sequences: Sequence[]
  heldOut: HeldOut
  /** SHA-256 of the weights, and all else that determines every run. */
  weights: string
  settings: unknown[]
  /** Package of the backend. */
  backend: string
}

async function openRecipe(
  recipe: ZerothRecipe,
  { root, plugins = [], backend, onWarning: warn = () => undefined }: Omit<ZerothOptions, 'out'>,
): Promise<Opened> {
  const at = (path: string) => placeIn(root, path)
  const registry = await makeRegistry([...(recipe.plugins ?? []).map(at), ...plugins])
  const { tasks } = registry
  const used = await setBackend(backend, { exact: true })
  const [{ model, point: base, identity: weights, companions, home }, task] = await Promise.all([
    within(['from'], () => readPoint(recipe.from, root)),
    within(['task'], () => loadTask(recipe.task, { tasks })),
  ])
  const reader = await within(['from'], () => loadText(companions, home))
  const sequences = await within(['items'], () => readSequences(recipe, reader, { at, tasks, warn }))
  if (task.kind !== 'text') warnIfFewer(recipe, 'held_out', task.items.length, warn)
  checkClients(recipe, sequences.length)
  const { held_out: items } = recipe
  const batches = await within(['task'], () => {
    checkTask(task, model)
    return encodeItems(task, reader, model, { items })
  })
  const hashes = hashesOf(registry, { tasks: [recipe.task, recipe.items] })
  const settings = [weights, sequences, recipe.batch, recipe.task, items, used.package, ...hashes]
  return {
    model,
    base,
    reader,
    sequences,
    heldOut: { task, reader, items, batches },
    weights,
    settings,
    backend: used.package,
  }
}

/** @throws UserError for more clients than items: one without an item of its own would train on that of another */
function checkClients({ runs }: ZerothRecipe, items: number): void {
  const i = runs.findIndex((run) => run.method === 'fedkseed' && run.clients > items)
  const run = runs[i]
  if (run?.method === 'fedkseed')
    throw new UserError(`each client needs an item, and there are ${items}; got ${run.clients}`).at(
      'runs',
      i,
      'clients',
    )
}

/**
 * Writes <run>.safetensors, losses.csv and summary.json to `out`, after each run. Finished runs are not repeated, and an
 * interrupted run is resumed.
 * @throws UserError for bad input, before work starts
 */
export async function runZeroth(recipe: ZerothRecipe, { out, ...options }: ZerothOptions): Promise<ZerothResult[]> {
  checkNoModel(out)
  const { model, base, reader, sequences, heldOut, weights, settings, backend } = await openRecipe(recipe, options)
  const { runs, batch } = recipe
  const made = await prepareFolder(out)
  const lock = await attempt(out, () => lockFolder(out))
  const kept = holdText()
  try {
    const stored = await openResults(out, recipe, weights)
    const before = await measure(model, base, heldOut)
    for (const run of runs) {
      const identity = createHash('sha256')
        .update(JSON.stringify([settings, run]))
        .digest('hex')
      if (await stored.reuse(run.name, identity)) continue
      const journal = await openJournal(join(out, `${run.name}.steps.jsonl`), identity)
      for (const entry of journal.past) stored.note(run.name, entry)
      const add = async (entry: Entry) => {
        stored.note(run.name, entry)
        await journal.add(entry)
        kept.set(`${run.name}: step ${entry.step} of ${stepsOf(run)} is kept; the same command goes on from there`)
      }
      const point = copyOf(base)
      const seeds = await tune(run, { model, point, sequences, batch, pad: reader.pad }, { ...journal, add })
      const file = join(out, `${run.name}.safetensors`)
      const bytes = await writeSeeds(file, seeds, weights)
      const rebuilt = await rebuild(copyOf(base), await readSeeds(file))
      const after = await measure(model, rebuilt, heldOut)
      await stored.save({
        name: run.name,
        identity,
        method: run.method,
        scalars: seeds.scalars.length,
        used: seeds.scalars.filter(Boolean).length,
        bytes,
        parameters: [...base.values()].reduce((sum, { length }) => sum + length, 0),
        loss_before: before.loss,
        loss_after: after.loss,
        score_before: before.score,
        score_after: after.score,
        rebuilt_exactly: areEqual(rebuilt, point),
        backend,
        environment: readEnvironment(),
      })
      await journal.remove()
    }
    return stored.results
  } finally {
    kept.end()
    lock.release()
    // Goes only where nothing is in it.
    if (made) await rmdir(out).catch(() => undefined)
  }
}

/** What a run tunes, and on what. */
interface Tuned {
  model: Model
  /** Becomes the tuned weights. */
  point: Point
  sequences: readonly Sequence[]
  /** Sequences of a batch, and the id that fills them up. */
  batch: number
  pad: number
}

/** Tunes by one run, from where the journal ends. @throws UserError for a loss that is not finite */
async function tune(
  run: ZerothRun,
  { model, point, sequences, batch, pad }: Tuned,
  journal: Awaited<ReturnType<typeof openJournal>>,
): Promise<Seeds> {
  const [steps, first] = [stepsOf(run), journal.past.at(-1)?.step ?? 0]
  if (first) tellFound(`${run.name}: goes on after step ${first} of ${steps}`)
  const parts = run.method === 'fedkseed' ? run.clients : 1
  const batchOf = batcher(sequences, { seed: run.seed, batch, pad, start: model.start }, parts)
  const walk = (work: Work): Promise<Seeds> => {
    let made = first
    work.found(made)
    const add = async (entry: Entry) => {
      work.add(entry.step - made, `step ${entry.step}, loss ${entry.loss.toFixed(4)}`)
      made = entry.step
      await journal.add(entry)
    }
    const told = { past: journal.past, add }
    return run.method === 'mezo'
      ? mezo(model, point, run, { batchOf: (step) => batchOf(0, step), journal: told })
      : fedkseed(model, point, run, { batchOf, journal: told })
  }
  return track({ name: run.name, unit: 'steps', total: steps }, walk).catch(async (error) => {
    if (!(error instanceof NotFinite)) throw error
    // Steps that lead nowhere would stand in the way of the next start.
    await journal.remove()
    throw new UserError(`${run.name}: the loss is NaN or infinite; try a lower learning_rate`, { cause: error })
  })
}

const areEqual = (a: Point, b: Point): boolean =>
  [...a].every(([name, values]) => Buffer.from(values.buffer).equals(Buffer.from(b.get(name)!.buffer)))

/** The items that losses and scores are measured on. */
interface HeldOut {
  task: Task
  reader: TextReader
  items: number
  batches: Batch[]
}

async function measure(model: Model, point: Point, { task, reader, items, batches }: HeldOut) {
  const weights = Object.fromEntries([...point].map(([name, values]) => [name, tf.tensor(values, model.shapes[name])]))
  const { mean } = await lossOf(model, weights, batches)
  const { score } = await evaluateTask({ model, weights, reader }, task, { items })
  tf.dispose(weights)
  return { loss: mean, score }
}
