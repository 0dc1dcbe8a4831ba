// The attribution of one edit of a model larger than memory: weights are read block by block, and the change T of the edit
// waits in a scratch checkpoint.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  companionsOf,
  homeOf,
  isBatch,
  matricesOf,
  openCheckpoint,
  openModels,
  type Pair,
  pairCheckpoints,
  roleOf,
  selectTensors,
  writeCheckpoint,
} from '../checkpoint/index.js'
import { checkSteps } from '../edit/index.js'
import { readInput } from '../edit/tensor.js'
import {
  bitsOf,
  type ChangeSums,
  editorNamed,
  editsBlocks,
  editTensor,
  type Step,
  scanModel,
} from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { checkReader, describeClasses, encodeItems, loadReader } from '../evaluate/index.js'
import { classify, fitBatches, lossOf, riemannSum, rowsOf } from '../loss/index.js'
import { modelOf, type Steer } from '../models/index.js'
import type { Run } from '../plan/index.js'
import type { Row, Term } from '../record/index.js'
import type { Task } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import type { AttributeOptions, Bound } from './attribute.js'
import { type Finished, failedRow } from './row.js'
import { requireFinite } from './run.js'
import { collectWarnings } from './warnings.js'

/** Sums over the edited tensors, and the norm of the change of each. */
interface Tally {
  parameters: number
  kept: number
  bits: number
  delta2: number
  edit2: number
  norms: Map<string, number>
}

/** Entries that are edited at a time where the editor allows it. */
const PORTION = 1 << 21
/** Copies of what is edited at a time: as read, edited and written, on the heap, and values that the collector has not taken yet. */
const COPIES = 5

const entriesOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1)

/** The rows that are edited at a time; null for the whole tensor. */
function portionsOf(steps: readonly Step[], shape: readonly number[]): ({ from: number; to: number } | null)[] {
  const entries = entriesOf(shape)
  if (entries <= PORTION || !editsBlocks(steps)) return [null]
  const rows = Math.max(1, Math.floor((PORTION * shape[0]!) / entries))
  return Array.from({ length: Math.ceil(shape[0]! / rows) }, (_, i) => ({
    from: i * rows,
    to: Math.min(shape[0]!, (i + 1) * rows),
  }))
}

/** @throws UserError where a tensor that must be edited whole does not fit, with the least bound that would do */
function checkFit(steps: readonly Step[], shapes: ReadonlyMap<string, readonly number[]>, bound: number): void {
  for (const [name, shape] of shapes) {
    const [first] = portionsOf(steps, shape)
    const needed = 4 * COPIES * (first ? (entriesOf(shape) / shape[0]!) * first.to : entriesOf(shape))
    if (needed <= bound) continue
    const editors = steps.map(({ editor }) => editor.name).join(', ')
    throw new UserError(
      `a memory bound of ${Math.floor(bound / 1e6)} MB is too small to edit ${name} [${shape}] by ${editors}; ` +
        `the least that would do is ${Math.ceil(needed / 1e6)} MB, or leave the tensor out with --exclude`,
    )
  }
}

/** Writes T = F(Δ) − Δ of the selected tensors, one in memory at a time, or a part of it. */
async function writeChange(
  pair: Pair,
  { edit, seed }: Run,
  names: readonly string[],
  folder: string,
  bound: number,
  onWarning: (text: string) => void,
): Promise<Tally> {
  const steps: Step[] = edit.steps.map(({ editor, options }) => ({ editor: editorNamed(editor), options }))
  checkSteps(steps)
  const shapes = new Map(names.map((name) => [name, pair.post.tensors.get(name)!.shape]))
  checkFit(steps, shapes, bound)
  const scanned = await scanModel(steps, async function* () {
    for (const name of names)
      yield [name, await readInput(pair, name, edit.on), matricesOf(pair.post.tensors.get(name)!)] as const
  })
  const tally: Tally = { parameters: 0, kept: 0, bits: 0, delta2: 0, edit2: 0, norms: new Map() }
  async function* contents() {
    for (const [name, shape] of shapes) {
      const context = {
        seed: seed ?? 0,
        tensor: name,
        batch: isBatch(name, shape),
        scanned,
        onWarning,
        cache: new Map<string, Promise<unknown>>(),
      }
      let sums: ChangeSums = { kept: 0, inputSquares: 0, changeSquares: 0 }
      for (const rows of portionsOf(steps, shape)) {
        const input = await readInput(pair, name, edit.on, rows ?? undefined)
        const first = rows ? (entriesOf(shape) / shape[0]!) * rows.from : undefined
        const { values, ...more } = await editTensor(steps, input, shape, { ...context, offset: first, before: sums })
        sums = more
        for (let i = 0; i < values.length; i++) values[i]! -= input[i]!
        yield { name, values, first }
      }
      tally.parameters += entriesOf(shape)
      tally.kept += sums.kept
      tally.delta2 += sums.inputSquares
      tally.edit2 += sums.changeSquares
      tally.bits += await bitsOf(steps, shape, sums.kept, context)
      tally.norms.set(name, Math.sqrt(sums.changeSquares))
    }
  }
  await writeCheckpoint(folder, {
    plan: [...shapes].map(([name, shape]) => ({ name, shape, dtype: 'F32' })),
    tensors: contents(),
  })
  return tally
}

/**
 * Row and terms of one edit within a bound on memory; nothing is scored.
 * @throws UserError for a bound below one block, with the least that would do; for an editor that needs a gradient
 */
export async function attributeBounded(
  run: Run,
  task: Task,
  options: AttributeOptions & { memory: Bound },
): Promise<Finished> {
  const started = options.clock()
  const { pair: folders, edit } = run
  const [base, post] = await openModels(folders.baseFolder, folders.postFolder)
  const scratch = await mkdtemp(join(options.memory.scratch, 'deltalab-change-'))
  try {
    const pair = await pairCheckpoints(base, post)
    const entries = pair.names.map((name) => post.tensors.get(name)!)
    const names = selectTensors(entries, edit.tensors)
    const model = modelOf(post, folders.post)
    const tokenizer = await loadReader(companionsOf(post), homeOf(post))
    checkReader(companionsOf(post), tokenizer, model)
    const { items, rule, steps, memory } = options
    const described = await describeClasses(task, model, base)
    const { batches, over } = await fitBatches(model, memory.bytes, 'gradient', (batchTokens) =>
      encodeItems(described, tokenizer, model, { items, batchTokens }),
    )
    const { warn, summary } = collectWarnings()
    const tally = await writeChange(pair, run, names, join(scratch, 'change'), memory.bytes, warn)
    const change = await openCheckpoint(join(scratch, 'change'))
    const moving = new Set(names.filter((name) => tally.norms.get(name)! > 0 && name in model.shapes))
    const steer: Steer = { names: moving, read: rowsOf(change) }
    const still = over(rowsOf(post))
    const before = await lossOf(
      model,
      over((name, rows) => (pair.names.includes(name) ? base : post).readRows(name, rows)),
      batches,
    )
    const at = await lossOf(model, still, batches)
    const after = await lossOf(model, still.moved(steer, 1), batches)
    const path = await riemannSum(model, still, steer, batches, { rule, steps })
    await change.close()
    const { change: loss, standardError, class: verdict } = classify(at, after)
    const terms = [...path.terms].map(([tensor, term]): Term => {
      const { shape } = post.tensors.get(tensor)!
      return {
        run: run.id,
        tensor,
        role: roleOf(tensor, shape),
        parameters: entriesOf(shape),
        edit_norm: tally.norms.get(tensor)!,
        term,
      }
    })
    const row: Row = {
      ...failedRow('attribute', run, ''),
      tensors: names.length,
      parameters: tally.parameters,
      kept: tally.kept,
      bits_per_parameter: tally.bits / (tally.parameters || 1),
      delta_norm: Math.sqrt(tally.delta2),
      edit_norm: Math.sqrt(tally.edit2),
      loss_pre: before.mean,
      loss_post: at.mean,
      loss_edited: after.mean,
      loss_change: loss,
      loss_change_se: Number.isFinite(standardError) ? standardError : null,
      loss_items: at.itemTokens.filter((tokens) => tokens > 0).length,
      loss_tokens: at.tokens,
      riemann_rule: rule,
      riemann_steps: steps,
      riemann_sum: path.sum,
      class: verdict,
      warnings: summary(),
      seconds: options.clock() - started,
      backend: tf.getBackend(),
      status: 'ok',
      error: null,
    }
    requireFinite(row)
    return { row, terms }
  } finally {
    await Promise.all([base.close(), post.close(), rm(scratch, { recursive: true, force: true })])
  }
}
