// One model, or one edit, measured outside a sweep, by the same steps as in one.
import { basename, resolve } from 'node:path'
import { companionsOf, homeOf, openModel } from '../checkpoint/index.js'
import type { DeltaEdit, ModelPair } from '../config/index.js'
import { needsGradient, type Step } from '../editors/index.js'
import {
  askInChat,
  type ChatSettings,
  checkItems,
  checkReader,
  checkTask,
  describeClasses,
  describeGeneration,
  encodeItems,
  evaluate,
  loadReader,
} from '../evaluate/index.js'
import { fitBatches, lossOf, type Rule, rowsOf } from '../loss/index.js'
import { modelOf, type Weights } from '../models/index.js'
import type { Run } from '../plan/index.js'
import type { Row, Term } from '../record/index.js'
import { loadTask } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { attributeBounded } from './bounded.js'
import { loadPair } from './loaded-pair.js'
import { measureReference } from './reference.js'
import { executeRun } from './run.js'

export interface Measured {
  task: string
  metric: string
  /** 0 to 1, or −1 to 1 of a correlation. */
  score: number
  /** Standard errors of the score, and of further ones by name; null where lm-evaluation-harness has none. */
  stderr: number | null
  others?: Record<string, number>
  others_stderr?: Record<string, number | null>
  /** In `unit`; null for a task without reference answers. */
  loss: number | null
  unit: 'nats per token' | 'nats per item' | 'squared error per item'
  items: number
  /** What the loss is a mean over: tokens of the answers, or items. */
  tokens: number
  /** What the model's generation_config.json says that made the answers others than the likeliest tokens up to the task's limit. */
  generation?: Record<string, unknown>
  /** How the model's files were understood, where that is not plain. */
  notes?: readonly string[]
}

export interface MeasureOptions {
  /** The first so many items; all by default. */
  items?: number | undefined
  /** Bound on the bytes of tensors. */
  memory?: number | undefined
  /** Lets a task run the programs that the model writes. */
  allowCode?: boolean
  /** Prompts go through the model's chat template. */
  chat?: ChatSettings | undefined
}

/** Loss and score of a model (folder, adapter, or name on the hub) on a task. */
export async function measureModel(
  reference: string,
  taskSource: string,
  options: MeasureOptions = {},
): Promise<Measured> {
  const { items, memory, allowCode, chat } = options
  const given = await loadTask(taskSource)
  const checkpoint = await openModel(reference)
  const held: Weights = {}
  try {
    const model = modelOf(checkpoint, reference)
    checkTask(given, model, { allowCode })
    const task = await askInChat(await describeClasses(given, model, checkpoint), companionsOf(checkpoint), chat)
    const tokenizer = await loadReader(companionsOf(checkpoint), homeOf(checkpoint))
    checkReader(companionsOf(checkpoint), tokenizer, model)
    await checkItems(task, tokenizer, model, { items })
    const silent = !task.kind && task.items.some(({ target }) => target === '')
    const encode = (batchTokens?: number) =>
      silent ? Promise.resolve([]) : encodeItems(task, tokenizer, model, { items, batchTokens })
    const bounded =
      memory === undefined
        ? null
        : await fitBatches(model, memory, task.maxNewTokens ? 'generation' : 'forward', encode)
    if (!bounded)
      for (const [name, shape] of Object.entries(model.shapes))
        held[name] = tf.tensor(await checkpoint.read(name), shape)
    const weights = bounded ? bounded.over(rowsOf(checkpoint)) : held
    const loss = await lossOf(model, weights, bounded?.batches ?? (await encode()))
    const scores = await evaluate(model, weights, task, tokenizer, { items, batchTokens: bounded?.tokens, allowCode })
    const { metric, score, others } = scores
    const [stderr, ...further] = Object.entries(scores.errors())
    const measured = {
      task: task.name,
      metric,
      score,
      stderr: stderr![1],
      ...(others && { others, others_stderr: Object.fromEntries(further) }),
    }
    const unit =
      model.objective === 'value'
        ? 'squared error per item'
        : model.objective === 'classes'
          ? 'nats per item'
          : 'nats per token'
    const words =
      !task.kind && 'generation' in tokenizer && tokenizer.generation ? describeGeneration(tokenizer.generation) : {}
    const generation = Object.keys(words).length ? { generation: words } : {}
    return {
      ...measured,
      loss: silent ? null : loss.mean,
      unit,
      items: scores.items.length,
      tokens: loss.tokens,
      ...generation,
      ...(checkpoint.notes.length && { notes: checkpoint.notes }),
    }
  } finally {
    tf.dispose(held)
    await checkpoint.close()
  }
}

/** An edit from steps that were read elsewhere than in a config. */
export function namedEdit(steps: readonly Step[], where: Pick<DeltaEdit, 'on' | 'tensors'>): DeltaEdit {
  const editor = steps.map((step) => step.editor.name).join('+')
  return {
    editor,
    label: editor,
    ...where,
    steps: steps.map((step) => ({ editor: step.editor.name, options: step.options })),
    stochastic: steps.some((step) => step.editor.stochastic(step.options)),
    needsGradient: steps.some(needsGradient),
  }
}

export interface Bound {
  /** Of tensors and of values on their way. */
  bytes: number
  /** Folder that holds the change of the weights for the while. */
  scratch: string
}

export interface AttributeOptions {
  /** What `loadTask` takes. */
  task: string
  items: number
  rule: Rule
  steps: number
  seed: number
  /** Weights are then read block by block. */
  memory?: Bound | undefined
  /** Seconds since any fixed moment. */
  clock: () => number
}

/** The row and the per-tensor Riemann terms of one edit of one pair: folders, names on the hub, an adapter of the base. */
export async function attributeEdit(
  base: string,
  post: string,
  edit: DeltaEdit,
  options: AttributeOptions,
): Promise<{ row: Row; terms: Term[] }> {
  const task = await loadTask(options.task)
  const pair: ModelPair = {
    name: basename(resolve(post)),
    base,
    post,
    baseFolder: base,
    postFolder: post,
    tasks: [{ given: options.task, source: options.task }],
  }
  const run: Run = {
    id: 'attribute',
    pair,
    task: { name: task.name, version: task.version, source: options.task },
    edit,
    seed: edit.stochastic ? options.seed : null,
  }
  const { items, rule, steps, clock } = options
  const measures = { score: false as const, loss: { items, rule, steps, riemann: true, taylor2: false, terms: true } }
  if (options.memory !== undefined) return attributeBounded(run, task, { ...options, memory: options.memory })
  const home = await loadPair(pair)
  try {
    const reference = await measureReference(home, run.task, measures, edit.needsGradient)
    return await executeRun(home, run, measures, reference, {
      experiment: 'attribute',
      backend: tf.getBackend(),
      clock,
    })
  } finally {
    home.dispose()
  }
}
