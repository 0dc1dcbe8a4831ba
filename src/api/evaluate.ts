// Loss and score of one model, and the attribution of one edit, from code.
import { tmpdir } from 'node:os'
import { z } from 'zod'
import { readEntry } from '../config/index.js'
import { UserError } from '../errors/index.js'
import type { LossKind, Rule } from '../loss/index.js'
import type { Attribution } from '../report/index.js'
import { attributeEdit, type Evaluation, keepIn, measureModel } from '../run/index.js'
import { sectionWord, type TaskReference, type TaskSection } from '../tasks/index.js'
import { type BackendName, setBackend } from '../tensor/index.js'
import { checkerOf, given } from './given.js'
import { checkPair, type PairSource, pathsOf } from './pair.js'
import { type PluginOptions, registryFor } from './plugins.js'
import type { EditorEntry } from './steps.js'

/** What a model is measured on, and how. */
export interface EvaluateOptions extends PluginOptions {
  /** Name of a task (`name:5` for five examples), the path of a task file, what `defineTask` gave, or a text: `{ text: 'notes.txt' }`. */
  task: TaskReference
  /** Number of items, from the first; all unless given. */
  items?: number | undefined
  /** Put prompts through the model's chat template; with an instruction in the system message. */
  chat?:
    | true
    | {
        /** Text of the system message. */
        system?: string | undefined
      }
    | undefined
  /** Bound on the memory of tensors in bytes: weights are then read block by block. */
  memory?: number | undefined
  /** Results folder of a sweep: what is measured there counts, and new measurements are kept in it. Not with `memory`. */
  results?: string | undefined
  /** Let tasks such as HumanEval run the programs that the model writes, each isolated. Default false. */
  allowCode?: boolean | undefined
  /** The model that this one was made from: `others` then tells how far it is from it (`kl`, `same_top`, …). */
  post?: string | undefined
  /** With `post`: folder that keeps what is computed of it, for the next edit. */
  cache?: string | undefined
  /** TensorFlow.js backend. Default `auto`. */
  backend?: BackendName | undefined
}

const checkEvaluate = checkerOf<EvaluateOptions>('evaluate', {
  plugins: given.plugins,
  task: given.anything,
  items: given.items,
  chat: z.union([z.literal(true), z.strictObject({ system: z.string().optional() })]).optional(),
  memory: given.amount,
  results: given.word.optional(),
  allowCode: given.flag,
  post: given.word.optional(),
  cache: given.word.optional(),
  backend: given.backend,
})

/**
 * Loss and score of a model on a task.
 *
 * @param model folder of a model or of an adapter, or `org/name[@revision]` of the hub
 * @param options task, number of items, and how prompts are put
 * @returns `score` from 0 to 1 (−1 to 1 for a correlation, any number for a perplexity), `loss` in the unit that `unit` names
 * @throws UserError for an option that cannot be, a folder that is no model, or a task that the model cannot do
 */
export async function evaluate(model: string, options: EvaluateOptions): Promise<Evaluation> {
  checkEvaluate(options)
  const { task, items, memory, allowCode, chat, post, cache } = options
  if (cache !== undefined && post === undefined)
    throw new UserError('`cache` keeps what is computed of `post`: give `post` with it')
  const { registry } = await registryFor(null, options)
  const backend = await setBackend(options.backend)
  const keep = keepIn(options.results, backend)
  return measureModel(model, task, {
    keep,
    tasks: registry.tasks,
    post,
    ...(cache !== undefined && { cache: { folder: cache, backend: `${backend.name} ${backend.package}` } }),
    ...(items !== undefined && { items }),
    ...(memory !== undefined && { memory }),
    ...(allowCode !== undefined && { allowCode }),
    ...(chat !== undefined && { chat: chat === true || chat.system === undefined ? {} : { system: chat.system } }),
  })
}

/** What the loss change is measured on, and along which path. */
export interface AttributeOptions extends PluginOptions {
  /** Leave out tensors that only one model has, or that differ in shape, instead of an error. */
  ignoreUnmatched?: boolean | undefined
  /** Name of a task, the path of a task file, what `defineTask` gave, or a text: `{ text: 'notes.txt' }`. */
  task: TaskReference
  /** Number of items of the loss, from the first. Default 128. */
  items?: number | undefined
  /** The loss on the labels of the task, or the divergence KL(post ‖ edited) at the same places. Default `task`. */
  loss?: LossKind | undefined
  /** Quadrature rule along the path from the post-trained to the edited weights. Default `midpoint`; of a divergence `gauss`. */
  rule?: Rule | undefined
  /** Intervals along the path, or nodes of `gauss`. Default 5. */
  steps?: number | undefined
  /** Seed of the random draws. Default 0. */
  seed?: number | undefined
  /** Bound on the memory of tensors in bytes: weights are then read block by block. */
  memory?: number | undefined
  /** Results folder of a sweep: what is measured there counts, and new measurements are kept in it. Not with `memory`. */
  results?: string | undefined
  /** TensorFlow.js backend. Default `auto`. */
  backend?: BackendName | undefined
}

const checkAttribute = checkerOf<AttributeOptions>('attribute', {
  plugins: given.plugins,
  ignoreUnmatched: given.flag,
  task: given.anything,
  items: given.items,
  loss: given.lossKind,
  rule: given.rule,
  steps: given.pathSteps,
  seed: given.seed,
  memory: given.amount,
  results: given.word.optional(),
  backend: given.backend,
})

/**
 * Which tensors cause the loss change of one edit: the Riemann sum of the gradient along the path from the post-trained to
 * the edited weights, split by tensor (arXiv 2410.13841). Losses are in nats per token.
 *
 * @param source folders of the pair, or an open pair
 * @param entry editor and options, or a chain of editors, and which tensors they edit
 * @param options task, number of items, quadrature rule and seed
 * @returns the row (as in runs.csv) and the terms, which add up to `row.riemann_sum`
 * @throws UserError for an unknown editor, option or task, or a bound on memory below one block
 */
export async function attribute(
  source: PairSource,
  entry: EditorEntry,
  options: AttributeOptions,
): Promise<Attribution> {
  checkPair(source)
  checkAttribute(options)
  const { named, registry } = await registryFor({ entry, task: options.task }, options)
  const edit = readEntry(named.entry, registry)
  const { items = 128, loss, rule, steps = 5, seed = 0, memory } = options
  const keep = keepIn(options.results, await setBackend(options.backend))
  const { base, post } = pathsOf(source)
  const { row, terms } = await attributeEdit(base, post, edit, {
    task: typeof named.task === 'string' ? named.task : sectionWord(named.task as TaskSection),
    registry,
    keep,
    ignoreUnmatched: options.ignoreUnmatched,
    items,
    loss,
    rule,
    steps,
    seed,
    ...(memory !== undefined && { memory: { bytes: memory, scratch: tmpdir() } }),
    clock: () => performance.now() / 1000,
  })
  return { row, terms: [...terms].sort((a, b) => Math.abs(b.term) - Math.abs(a.term)) }
}
