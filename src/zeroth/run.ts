// Runs a zeroth-order recipe: every run from the same base, its delta stored as seeds and scalars, rebuilt from the file, and
// compared bit by bit with the weights that were measured.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { companionsOf, homeOf, type StoredPlace } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import { encodeItems, evaluateTask, loadText, type TextReader } from '../evaluate/index.js'
import { attempt, holdText, prepareFolder, tellFound, writeWhole } from '../files/index.js'
import type { Seeds } from '../kernels/index.js'
import { lossOf } from '../loss/index.js'
import { checkClass, type Model, modelOf, NotFinite } from '../models/index.js'
import { track, type Work } from '../progress/index.js'
import { lockFolder, readEnvironment } from '../record/index.js'
import { hashesOf, makeRegistry, type PluginSource } from '../registry/index.js'
import { checkValue, parseJson, placeIn } from '../schema/index.js'
import { openModel } from '../sources/index.js'
import { loadTask, type Task } from '../tasks/index.js'
import { type BackendName, setBackend, tf } from '../tensor/index.js'
import { batcher, readSequences } from './data.js'
import { fedkseed } from './fedkseed.js'
import { type Entry, openJournal } from './journal.js'
import { mezo } from './mezo.js'
import { copyOf, type Point } from './probe.js'
import { stepsOf, type ZerothRecipe } from './recipe.js'
import { readSeeds, rebuild, writeSeeds } from './store.js'

export interface ZerothOptions {
  /** Folder that the recipe's paths are relative to. */
  root: string
  /** Further plugins than those of the recipe. */
  plugins?: readonly PluginSource[] | undefined
  /** Results folder. */
  out: string
  backend: BackendName
}

/** One run as summary.json has it. */
export interface ZerothResult {
  name: string
  /** SHA-256 of all that determines the run. A run with the same hash is not repeated. */
  identity: string
  method: string
  /** Scalars stored, those that are not 0, and bytes of the file. */
  scalars: number
  used: number
  bytes: number
  /** Parameters of the model, all of them tuned. */
  parameters: number
  /** Held-out loss, nats per token, and score, of the base and of the rebuilt model. */
  loss_before: number
  loss_after: number
  score_before: number
  score_after: number
  /** Whether the weights rebuilt from the file are those of the trainer, bit for bit. */
  rebuilt_exactly: boolean
  /** Package of the backend, versions and machine. */
  backend: string
  environment: ReturnType<typeof readEnvironment>
}

/** Where tuning starts. */
export interface Start {
  model: Model
  point: Point
  /** Where the stored weights lie; none of those that are computed from what is stored. */
  places: ReadonlyMap<string, StoredPlace>
  config: Record<string, unknown>
  configText: string | null
  /** Folder of what the model needs besides its weights, and that of the tokenizer. */
  home: string
  companions: string
  /** SHA-256 of the files by name, and those of the weights in one word. */
  hashes: Record<string, string>
  identity: string
}

/** Only the weights identify a base; its config.json may be written in another way. */
const weightsOf = (hashes: Record<string, string>) =>
  Object.entries(hashes)
    .filter(([file]) => file.endsWith('.safetensors'))
    .map(([, hash]) => hash)
    .join(' ')

/** The weights of a model (folder, or name on the hub) by name, and what reads them; `root` is the folder that paths are relative to. */
export async function readPoint(reference: string, root?: string): Promise<Start> {
  const checkpoint = await openModel(reference, { root, check: checkClass })
  try {
    if (!checkpoint.config) throw new UserError(`${reference}: config.json is missing`)
    const model = modelOf(checkpoint, reference)
    const point: Point = new Map()
    const places = new Map<string, StoredPlace>()
    for (const name of Object.keys(model.shapes)) {
      point.set(name, await checkpoint.read(name))
      const place = checkpoint.place(name)
      if (place) places.set(name, place)
    }
    const hashes = await checkpoint.hashes()
    return {
      model,
      point,
      places,
      hashes,
      identity: weightsOf(hashes),
      config: checkpoint.config,
      configText: checkpoint.configText,
      home: homeOf(checkpoint),
      companions: companionsOf(checkpoint),
    }
  } finally {
    await checkpoint.close()
  }
}

/**
 * Writes <run>.safetensors, losses.csv and summary.json to `out`, after each run. Finished runs are not repeated, and an
 * interrupted run is resumed. In one piece, because all runs share the base, the folder and its losses.
 * @throws UserError for bad input, before work starts
 */
export async function runZeroth(
  recipe: ZerothRecipe,
  { root, plugins = [], out, backend }: ZerothOptions,
): Promise<ZerothResult[]> {
  const at = (path: string) => placeIn(root, path)
  const registry = await makeRegistry([...(recipe.plugins ?? []).map(at), ...plugins])
  const { tasks } = registry
  const used = await setBackend(backend, { exact: true })
  const [{ model, point: base, identity: weights, companions, home }, task] = await Promise.all([
    readPoint(recipe.from, root),
    loadTask(recipe.task, { tasks }),
  ])
  const tokenizer = await loadText(companions, home)
  const sequences = await readSequences(recipe, tokenizer, { at, tasks })
  await prepareFolder(out)

  const lock = await attempt(out, () => lockFolder(out))
  const kept = holdText()
  try {
    checkFolder(out, recipe)
    const { runs, batch, held_out: heldOut } = recipe
    const hashes = hashesOf(registry, { tasks: [recipe.task, recipe.items] })
    const settings = [weights, sequences, batch, recipe.task, heldOut, used.package, ...hashes]
    const identify = (run: object) =>
      createHash('sha256')
        .update(JSON.stringify([settings, run]))
        .digest('hex')
    const earlier = await readEarlier(out)
    const measured = await measure(model, base, { task, tokenizer, items: heldOut })
    const losses = ['run,step,loss']
    const results: ZerothResult[] = []
    const save = async (result: ZerothResult) => {
      results.push(result)
      await writeWhole(join(out, 'losses.csv'), [...losses, ''].join('\n'))
      await writeWhole(
        join(out, 'summary.json'),
        `${JSON.stringify({ name: recipe.name, recipe, base: weights, results }, null, 2)}\n`,
      )
    }
    for (const run of runs) {
      const identity = identify(run)
      const known = earlier.results.find((result) => result.name === run.name && result.identity === identity)
      if (known) {
        losses.push(...earlier.losses.filter((line) => line.startsWith(`${run.name},`)))
        await save(known)
        continue
      }
      const journal = await openJournal(join(out, `${run.name}.steps.jsonl`), identity)
      const note = ({ step, loss }: Entry) => losses.push(`${run.name},${step},${loss.toPrecision(7)}`)
      journal.past.forEach(note)
      const last = journal.past.at(-1)
      if (last) tellFound(`${run.name}: goes on after step ${last.step} of ${stepsOf(run)}`)
      const point = copyOf(base)
      const batchOf = batcher(
        sequences,
        { seed: run.seed, batch, pad: tokenizer.pad, start: model.start },
        run.method === 'fedkseed' ? run.clients : 1,
      )
      const tune = (work: Work): Promise<Seeds> => {
        let made = journal.past.at(-1)?.step ?? 0
        work.found(made)
        const add = async (entry: Entry) => {
          note(entry)
          work.add(entry.step - made, `step ${entry.step}, loss ${entry.loss.toFixed(4)}`)
          made = entry.step
          await journal.add(entry)
          kept.set(`${run.name}: step ${entry.step} of ${stepsOf(run)} is kept; the same command goes on from there`)
        }
        const journalled = { past: journal.past, add }
        return run.method === 'mezo'
          ? mezo(model, point, run, { batchOf: (step) => batchOf(0, step), journal: journalled })
          : fedkseed(model, point, run, { batchOf, journal: journalled })
      }
      const seeds = await track({ name: run.name, unit: 'steps', total: stepsOf(run) }, tune).catch((error) => {
        throw error instanceof NotFinite
          ? new UserError(`${run.name}: the loss is NaN or infinite; try a lower learning_rate`, { cause: error })
          : error
      })
      const file = join(out, `${run.name}.safetensors`)
      const bytes = await writeSeeds(file, seeds, weights)
      const rebuilt = await rebuild(copyOf(base), await readSeeds(file))
      const after = await measure(model, rebuilt, { task, tokenizer, items: heldOut })
      await save({
        name: run.name,
        identity,
        method: run.method,
        scalars: seeds.scalars.length,
        used: seeds.scalars.filter(Boolean).length,
        bytes,
        parameters: [...base.values()].reduce((sum, { length }) => sum + length, 0),
        loss_before: measured.loss,
        loss_after: after.loss,
        score_before: measured.score,
        score_after: after.score,
        rebuilt_exactly: [...rebuilt].every(([name, values]) =>
          Buffer.from(values.buffer).equals(Buffer.from(point.get(name)!.buffer)),
        ),
        backend: used.package,
        environment: readEnvironment(),
      })
      await journal.remove()
    }
    return results
  } finally {
    kept.end()
    lock.release()
  }
}

/** The items that losses and scores are measured on. */
interface HeldOut {
  task: Task
  tokenizer: TextReader
  items: number
}

/** @throws UserError for a folder without a run of this command that holds files of the names it writes */
function checkFolder(out: string, { runs }: ZerothRecipe): void {
  if ([...runs.map(({ name }) => `${name}.steps.jsonl`), 'summary.json'].some((name) => existsSync(join(out, name))))
    return
  const found = ['config.yaml', 'losses.csv', ...runs.map(({ name }) => `${name}.safetensors`)].find((name) =>
    existsSync(join(out, name)),
  )
  if (found !== undefined)
    throw new UserError(`${out} holds a ${found} and no summary.json, so deltalab did not write it: give another --out`)
}

const Earlier = z.looseObject({ results: z.array(z.looseObject({ name: z.string(), identity: z.string() })) })

/** Results and lines of losses that an earlier start left in the folder. */
async function readEarlier(out: string): Promise<{ results: ZerothResult[]; losses: string[] }> {
  const read = (file: string) => readFile(join(out, file), 'utf8').catch(() => null)
  const [summary, losses] = [await read('summary.json'), await read('losses.csv')]
  if (summary === null || losses === null) return { results: [], losses: [] }
  const file = join(out, 'summary.json')
  const { results } = checkValue(Earlier, parseJson(summary, file), file)
  return { results: results as unknown as ZerothResult[], losses: losses.split('\n') }
}

async function measure(model: Model, point: Point, { task, tokenizer, items }: HeldOut) {
  const weights = Object.fromEntries([...point].map(([name, values]) => [name, tf.tensor(values, model.shapes[name])]))
  const { mean } = await lossOf(model, weights, await encodeItems(task, tokenizer, model, { items }))
  const { score } = await evaluateTask({ model, weights, reader: tokenizer }, task, { items })
  tf.dispose(weights)
  return { loss: mean, score }
}
