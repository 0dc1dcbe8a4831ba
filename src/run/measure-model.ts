// Loss and score of one model outside a sweep, measured in the same way.
import { type Checkpoint, companionsOf, openModel } from '../checkpoint/index.js'
import {
  askInChat,
  type ChatSettings,
  checkItems,
  checkTask,
  describeClasses,
  describeGeneration,
  encodeItems,
  fitTask,
  keepTokens,
  openReader,
  type Reader,
  replyTo,
  type Scores,
  scoreReplies,
} from '../evaluate/index.js'
import { fitBatches, lossOf, readWeights, rowsOf } from '../loss/index.js'
import { checkClass, type Model, modelOf, type Weights } from '../models/index.js'
import { contentOfModel } from '../plan/index.js'
import { loadTask, type Task, type TaskReference, type TaskSources } from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type KeptIn, keptIn, MEASURE_ALWAYS, type Measured, openMeasured } from './measured.js'

/** Score and loss of one model on one task. */
export interface Evaluation {
  /** Name of the task. */
  task: string
  /** What `score` measures. */
  metric: string
  /** 0 to 1, or −1 to 1 of a correlation. */
  score: number
  /** Standard errors of the score, and of further ones by name; null where lm-evaluation-harness has none. */
  stderr: number | null
  /** Further scores, by metric. */
  others?: Record<string, number>
  /** Their standard errors. */
  others_stderr?: Record<string, number | null>
  /** In `unit`; null for a task without reference answers. */
  loss: number | null
  /** Unit of the loss. */
  unit: 'nats per token' | 'nats per item' | 'squared error per item'
  /** Number of items measured. */
  items: number
  /** What the loss is a mean over: tokens of the answers, or items. */
  tokens: number
  /** What the model's generation_config.json says that made the answers others than the likeliest tokens up to the task's limit. */
  generation?: Record<string, unknown>
  /** How the model's files were understood, where that is not plain. */
  notes?: readonly string[]
}

export interface MeasureOptions extends Pick<TaskSources, 'tasks'> {
  /** The first so many items; all by default. */
  items?: number | undefined
  /** Bound on the bytes of tensors. */
  memory?: number | undefined
  /** Folder of the tokenizer, or its model on the hub, where the model's own is not meant. */
  tokenizer?: string | undefined
  /** Lets a task run the programs that the model writes. */
  allowCode?: boolean | undefined
  /** Prompts go through the model's chat template. */
  chat?: ChatSettings | undefined
  /** Results folder whose measurements count, and which keeps new ones; not with a bound on memory. */
  keep?: KeptIn | undefined
}

/** Loss and score of a model (folder, adapter, or name on the hub) on a task. */
export async function measureModel(
  reference: string,
  taskSource: TaskReference,
  options: MeasureOptions = {},
): Promise<Evaluation> {
  const { items, memory, allowCode, chat, tasks } = options
  const keep = memory === undefined ? options.keep : undefined
  const kept = keptIn(keep?.folder)
  const given = await loadTask(taskSource, { tasks })
  const checkpoint = await openModel(reference, { tokenizer: options.tokenizer, check: checkClass })
  let held: Weights = {}
  try {
    const model = modelOf(checkpoint, reference)
    checkTask(given, model, { allowCode })
    const asked = await askInChat(given, companionsOf(checkpoint), chat)
    const tokenizer = await keepTokens(await openReader(checkpoint, model), companionsOf(checkpoint), kept)
    const task = await fitTask(await describeClasses(asked, model, checkpoint), tokenizer, model)
    const measured = keep ? await measuredOf(checkpoint, asked, keep) : MEASURE_ALWAYS
    await checkItems(task, tokenizer, model, { items })
    const silent = task.kind === 'generate' && task.items.some(({ target }) => target === '')
    const encode = (batchTokens?: number) =>
      silent ? Promise.resolve([]) : encodeItems(task, tokenizer, model, { items, batchTokens })
    const bounded =
      memory === undefined
        ? null
        : await fitBatches(model, memory, task.maxNewTokens ? 'generation' : 'forward', encode)
    const weightsOf = async () => {
      if (bounded) return bounded.over(rowsOf(checkpoint))
      if (!Object.keys(held).length) held = await readWeights(model, (name) => checkpoint.read(name))
      return held
    }
    const count = Math.min(items ?? Infinity, task.items.length)
    const subject = { model: 'post', source: task.name, items: count } as const
    const lossNow = async () => lossOf(model, await weightsOf(), bounded?.batches ?? (await encode()))
    const loss = silent ? await lossNow() : await measured.loss(subject, lossNow)
    const replies = await measured.replies(subject, async () =>
      replyTo({ model, weights: await weightsOf(), reader: tokenizer }, task, { items, batchTokens: bounded?.tokens }),
    )
    const scores = await scoreReplies(task, replies)
    return {
      task: task.name,
      ...describeScores(scores),
      loss: silent ? null : loss.mean,
      unit: unitOf(model),
      items: scores.items.length,
      tokens: loss.tokens,
      ...generationOf(task, tokenizer),
      ...(checkpoint.notes.length && { notes: checkpoint.notes }),
    }
  } finally {
    tf.dispose(held)
    await checkpoint.close()
  }
}

/** What is kept of the model on the task, as it is asked. */
async function measuredOf(checkpoint: Checkpoint, task: Task, { folder, backend }: KeptIn): Promise<Measured> {
  const content = await contentOfModel(checkpoint, task.name, task)
  return content ? openMeasured(keptIn(folder), backend, content) : MEASURE_ALWAYS
}

function describeScores({ metric, score, others, errors }: Scores) {
  const [stderr, ...further] = Object.entries(errors())
  return {
    metric,
    score,
    stderr: stderr![1],
    ...(others && { others, others_stderr: Object.fromEntries(further) }),
  }
}

function unitOf({ objective }: Model): Evaluation['unit'] {
  if (objective === 'value') return 'squared error per item'
  return objective === 'classes' ? 'nats per item' : 'nats per token'
}

function generationOf(task: Task, reader: Reader): Pick<Evaluation, 'generation'> {
  if (task.kind !== 'generate' || !('generation' in reader) || !reader.generation) return {}
  const words = describeGeneration(reader.generation)
  return Object.keys(words).length ? { generation: words } : {}
}
