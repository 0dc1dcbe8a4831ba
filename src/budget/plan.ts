// A pair of models and budgets → what each tensor is stored by, with the loss that was predicted and the one that was measured.
import { basename, resolve } from 'node:path'
import { type Checkpoint, isFloating } from '../checkpoint/index.js'
import { type CodecChoice, openStoredPair } from '../compress/index.js'
import type { ModelPair } from '../config/index.js'
import { openBase } from '../delta/index.js'
import { UserError } from '../errors/index.js'
import { type LossKind, readWeights } from '../loss/index.js'
import { type Model, modelOf, type Weights } from '../models/index.js'
import { isStatistic } from '../naming/index.js'
import type { Registry } from '../registry/index.js'
import { openTasks } from '../run/index.js'
import { openModelFolder, recordedName } from '../sources/index.js'
import { checkStream, type StreamOptions } from '../stream/index.js'
import { loadTask } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type Budget, checkBudget } from './budget.js'
import { type ChangeFile, openChanges } from './changes.js'
import { type Allocation, chooseByError, chooseWithin, fewestBytes, leastBytes } from './choose.js'
import { type Judge, type MeasuredChange, openJudge, openJudged, smallestLoad } from './measure.js'
import { budgetMemory } from './memory.js'
import { type PricedModel, priceTensors } from './tensors.js'

export interface ChooseOptions extends StreamOptions {
  budgets: readonly Budget[]
  /** Anything that `loadTask` takes; without one, tensors are weighed by their relative errors. */
  task?: string | undefined
  /** Items to choose by, and as many to check. Default 64. */
  items?: number | undefined
  /** The loss on the labels of the task, or the divergence from post, which needs none. Default `task`. */
  loss?: LossKind | undefined
  registry?: Registry | undefined
  /** Folder of the tokenizer, where that of post is not meant. */
  tokenizer?: string | undefined
  /** Is told why no loss can be measured. */
  note?: ((text: string) => void) | undefined
}

/** What each tensor is stored by, for one budget. */
export interface CodecBudget extends Omit<Allocation, 'chosen'> {
  budget: Budget
  /** By name of the tensor; those that are not in it are stored losslessly. */
  codecs: ReadonlyMap<string, CodecChoice>
  /** Bits for each parameter that has a base, of the data of these tensors. */
  bitsPerParameter: number
  /** Bytes of the delta file, at most. */
  fileBytes: number
  /** What `learned` and `verified` measure; null without a task. */
  loss: LossKind | null
  /** On items that were not chosen by. */
  verified: MeasuredChange | null
  /** Bytes for threads that write the file, with the program, at least. */
  writes: number
}

/** What a file says of the choice of its codecs. */
export type ChoiceRecord = Pick<
  CodecBudget,
  'budget' | 'by' | 'loss' | 'estimated' | 'together' | 'learned' | 'verified' | 'gap'
>

export function recordOf(found: CodecBudget): ChoiceRecord {
  const { budget, by, loss, estimated, together, learned, verified, gap } = found
  return { budget, by, loss, estimated, together, learned, verified, gap }
}

/**
 * A plan of codecs for each budget.
 * @param base @param post folders, or names on the hub
 * @throws UserError for a budget below what the format needs, a task that does not fit, and a loss without a task
 */
export async function chooseCodecs(
  base: string,
  post: string,
  { budgets, task, items = 64, loss: kind = 'task', ...options }: ChooseOptions,
): Promise<CodecBudget[]> {
  const { note = () => undefined, registry } = options
  if (!task && budgets.some((budget) => 'loss' in budget))
    throw new UserError('a loss change is a target only with a task, or a text, to measure it on', { exitCode: 2 })
  for (const budget of budgets) checkBudget(budget)
  checkStream(options)
  if (!(Number.isSafeInteger(items) && items > 0))
    throw new UserError(`items must be a positive integer; got ${items}`, { exitCode: 2 })
  if (task) await loadTask(task, registry && { tasks: registry.tasks })
  const opened = await openBase(await openModelFolder(base, { isStored: true }))
  const { path: folder } = await openModelFolder(post, { isStored: true })
  const pair = await openStoredPair(opened.path, folder, options.tokenizer)
  let weights: Weights | undefined
  let changes: ChangeFile | null = null
  try {
    if (!task) note('no task or text: tensors are weighed by the relative errors of their deltas, not by a loss')
    const model = task ? modelled(pair.post, post, budgets, note) : null
    const tasks = model && (await openTasks(pair.post, model, { pair: pairOf(opened.path, folder, options), registry }))
    const measured = tasks && (await openJudged(tasks, { task: task!, items, kind }))
    const memory = budgetMemory(pair, measured && (await smallestLoad(measured)), options.memory)
    if (model) weights = await readWeights(model, (name) => pair.post.read(name))
    const name = recordedName(base)
    if (weights) changes = openChanges()
    const rules = {
      whyKept: (tensor: string): string | null => {
        if (model) return tensor in model.shapes ? null : 'the model does not read it'
        return isStatistic(tensor) ? 'it is a statistic of a batch norm' : null
      },
      ...{ memory: memory.pieces, writes: memory.writes, changes },
    }
    const judgeOf = measured && (await openJudge(measured, { post: weights!, room: memory.passes }))
    const priced = await priceTensors({ pair, base: opened, post: folder, name }, rules, options)
    const found: CodecBudget[] = []
    for (const budget of budgets)
      found.push({ ...(await allocate(budget, priced, judgeOf?.(priced))), writes: memory.writes })
    return found
  } finally {
    changes?.remove()
    if (weights) tf.dispose(weights)
    await Promise.all([pair.base.close(), pair.post.close(), opened.close()])
  }
}

/** A pair as its tasks see it. */
const pairOf = (
  baseFolder: string,
  postFolder: string,
  { tokenizer }: Pick<ChooseOptions, 'tokenizer'>,
): ModelPair => ({
  ...{ name: basename(resolve(postFolder)), base: baseFolder, post: postFolder, baseFolder, postFolder },
  ...{ ignoreUnmatched: true, keepsCodes: true, tokenizerFolder: tokenizer, tasks: [] },
})

/** The candidates of one budget, and what they cost. */
async function allocate(
  budget: Budget,
  priced: PricedModel,
  judge: Judge | null | undefined,
): Promise<Omit<CodecBudget, 'writes'>> {
  const { tensors, exact, rest, parameters } = priced
  const capacity = capacityOf(budget, priced)
  const choose = (): Promise<Allocation> | Allocation => {
    if (!judge) return chooseByError(tensors, capacity!)
    if (capacity !== null) return chooseWithin({ tensors, judge }, capacity)
    return fewestBytes({ tensors, judge }, (budget as { loss: number }).loss)
  }
  const { chosen, ...facts } = await choose()
  const bytes = facts.bytes + exact
  return {
    ...facts,
    bytes,
    budget,
    codecs: new Map(tensors.map((tensor, k) => [tensor.name, tensor.candidates[chosen[k]!]!.choice])),
    bitsPerParameter: (8 * bytes) / (parameters || 1),
    fileBytes: bytes + rest,
    loss: judge?.kind ?? null,
    verified: judge ? await judge.check(chosen) : null,
  }
}

/** The model; null where it cannot be run. */
function modelled(
  checkpoint: Checkpoint,
  post: string,
  budgets: readonly Budget[],
  note: (text: string) => void,
): Model | null {
  try {
    const model = modelOf(checkpoint, post)
    const coded = Object.keys(model.shapes).find((name) => !isFloating(checkpoint.tensors.get(name)!.dtype))
    if (coded === undefined) return model
    throw new UserError(
      `${post}: tensor ${JSON.stringify(coded)} is ${checkpoint.tensors.get(coded)!.dtype}, and no weight without its scales`,
    )
  } catch (error) {
    if (!(error instanceof UserError) || budgets.some((budget) => 'loss' in budget)) throw error
    note(`no loss can be measured, so tensors are weighed by the relative errors of their deltas (${error.message})`)
    return null
  }
}

/** Bytes for the data of the tensors that may lose; null for a target loss. @throws UserError where they are too few */
function capacityOf(budget: Budget, { tensors, parameters, exact, rest }: PricedModel): number | null {
  if ('loss' in budget) return null
  const least = leastBytes(tensors) + exact
  if ('bits' in budget) {
    const bytes = Math.floor((budget.bits * parameters) / 8)
    if (bytes >= least) return bytes - exact
    const bits = Math.ceil((8e4 * least) / parameters) / 1e4
    throw new UserError(`a budget of ${budget.bits}bit is too small: the least that would do is ${bits}bit`)
  }
  if (budget.bytes >= least + rest) return budget.bytes - exact - rest
  throw new UserError(`a budget of ${budget.bytes} bytes is too small: the least that would do is ${least + rest}B`)
}
