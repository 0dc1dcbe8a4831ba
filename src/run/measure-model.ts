// Loss and score of one model outside a sweep, measured in the same way.
import { type Checkpoint, companionsOf } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
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
  type Reply,
  repliesOfLoss,
  replyTo,
  type Scores,
  scoreReplies,
  taskNotes,
} from '../evaluate/index.js'
import { fitBatches, type Loss, lossOf, readWeights, rowsOf } from '../loss/index.js'
import { checkClass, type Model, modelOf, type Weights } from '../models/index.js'
import { contentOfModel } from '../plan/index.js'
import { openModel } from '../sources/index.js'
import {
  loadTask,
  postMetrics,
  replyMetrics,
  sliceTask,
  type Task,
  type TaskReference,
  type TaskSources,
} from '../tasks/index.js'
import { tf } from '../tensor/index.js'
import { type Beside, openBeside } from './beside.js'
import { type KeptIn, keptIn, MEASURE_ALWAYS, type Measured, openMeasured } from './measured.js'
import { joinScores } from './of-post.js'

/** Score and loss of one model on one task. */
export interface Evaluation {
  /** Name of the task. */
  task: string
  /** What `score` measures. */
  metric: string
  /** 0 to 1 of a share, −1 to 1 of a correlation, else another number, such as a perplexity. */
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
  /** What the items are: of a text that stands alone they are its windows. */
  of: 'items' | 'texts' | 'windows'
  /** What the loss is a mean over: tokens of the answers, or items. */
  tokens: number
  /** What the model's generation_config.json says that made the answers others than the likeliest tokens up to the task's limit. */
  generation?: Record<string, unknown>
  /** How the model's files, or the items, were understood, where that is not plain. */
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
  /** The post-trained model (folder, adapter, or name on the hub) that this one was made from: how far it is from it is told too. */
  post?: string | undefined
  /** Folder that keeps the last hidden states of `post`, and what computes. */
  cache?: KeptIn | undefined
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
  const loaded = await loadTask(taskSource, { tasks })
  const checkpoint = await openModel(reference, { tokenizer: options.tokenizer, check: checkClass })
  let held: Weights = {}
  let beside: Beside | null = null
  try {
    const model = modelOf(checkpoint, reference)
    const given = besidePost(loaded, model, options.post)
    checkTask(given, model, { allowCode })
    const asked = await askInChat(given, companionsOf(checkpoint), chat)
    const tokenizer = await keepTokens(await openReader(checkpoint, model), companionsOf(checkpoint), kept)
    const task = await fitTask(await describeClasses(asked, model, checkpoint), tokenizer, model, items)
    const measured = await measuredOf(checkpoint, { ...asked, others: loaded.others } as Task, keep)
    await checkItems(task, tokenizer, model, { items })
    const edited = { reference, checkpoint, model, reader: tokenizer }
    if (options.post !== undefined) beside = await openBeside(options.post, edited, task, options)
    const silent = hasNoLoss(task, model)
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
    const replyNow = async () =>
      replyTo({ model, weights: await weightsOf(), reader: tokenizer }, task, { items, batchTokens: bounded?.tokens })
    const scores = await scoresOf(sliceTask(task, 0, items), loss, () => measured.replies(subject, replyNow))
    const compared = beside && (await beside.compare(weightsOf))
    return {
      task: task.name,
      ...describeScores(task, scores, compared),
      loss: silent ? null : loss.mean,
      unit: unitOf(model),
      items: count,
      of: nounOf(task),
      tokens: loss.tokens,
      ...generationOf(task, tokenizer),
      ...notesOf([...checkpoint.notes, ...taskNotes(task, model), ...(beside?.notes() ?? [])]),
    }
  } finally {
    tf.dispose(held)
    await Promise.all([checkpoint.close(), beside?.close()])
  }
}

/** Whether there is nothing that a loss could be of: no reference answers, or no head. */
const hasNoLoss = (task: Task, { objective }: Model): boolean =>
  objective === 'features' || (task.kind === 'generate' && task.items.some(({ target }) => target === ''))

/** Scores of replies, where the task has such; those of texts are the sums of the losses, which are known. */
const scoresOf = async (task: Task, loss: Loss, reply: () => Promise<Reply[]>): Promise<Scores | null> =>
  replyMetrics(task).length ? scoreReplies(task, repliesOfLoss(task, loss) ?? (await reply())) : null

/** What is kept of the model on the task, as it is asked. */
async function measuredOf(checkpoint: Checkpoint, task: Task, keep: KeptIn | undefined): Promise<Measured> {
  const content = keep && (await contentOfModel(checkpoint, task.name, task))
  return content ? openMeasured(keptIn(keep.folder), keep.backend, content) : MEASURE_ALWAYS
}

/** The task with the metric that compares this model with post. @throws UserError for such a metric without post */
function besidePost(task: Task, { objective }: Model, post: string | undefined): Task {
  const [asked] = postMetrics(task)
  if (post === undefined && asked !== undefined)
    throw new UserError(
      `metric ${asked} compares a model with the post-trained one, which it was made from: give --post`,
    )
  if (post === undefined || asked !== undefined) return task
  return { ...task, others: [...(task.others ?? []), objective === 'features' ? 'cosine' : 'kl'] }
}

function describeScores(task: Task, scores: Scores | null, compared: Record<string, number> | null) {
  const errors: Record<string, number | null> = { ...scores?.errors() }
  for (const name of ['kl', 'cosine']) if (compared && name in compared) errors[name] = compared[`${name}_se`] ?? null
  const { metric, score, others } = joinScores(task, scores, compared)
  const { [metric]: stderr = null, ...further } = errors
  return { metric, score, stderr, ...(others && { others, others_stderr: further }) }
}

const notesOf = (notes: string[]): Pick<Evaluation, 'notes'> => (notes.length ? { notes } : {})

const nounOf = (task: Task): Evaluation['of'] => (task.kind !== 'text' ? 'items' : task.whole ? 'windows' : 'texts')

function unitOf({ objective }: Model): Evaluation['unit'] {
  if (objective === 'value') return 'squared error per item'
  return objective === 'classes' ? 'nats per item' : 'nats per token'
}

function generationOf(task: Task, reader: Reader): Pick<Evaluation, 'generation'> {
  if (task.kind !== 'generate' || !('generation' in reader) || !reader.generation) return {}
  const words = describeGeneration(reader.generation)
  return Object.keys(words).length ? { generation: words } : {}
}
