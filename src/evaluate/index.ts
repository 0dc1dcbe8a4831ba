// Scores a model on a task: generated answers, choices by likelihood, or classes.

import { UserError } from '../errors/index.js'
import type { Model, Source, Weights } from '../models/index.js'
import { classPrompts } from '../tasks/images/classes.js'
import { CHOICE_METRICS, largest } from '../tasks/scoring/choice.js'
import { LABEL_METRICS } from '../tasks/scoring/labels.js'
import { METRICS } from '../tasks/scoring/metrics.js'
import { standardError } from '../tasks/scoring/standard-error.js'
import type { Task } from '../tasks/task.js'
import { answerAll, checkGeneration, scoreAnswers } from './answers.js'
import { classBatches, predict } from './classes.js'
import { type EncodeOptions, encodeChoices, type Reach } from './encode.js'
import { imageBatches } from './images.js'
import { weighChoices } from './likelihood.js'
import { imagesFor, type Reader, textFor } from './reader.js'

export { askInChat, type ChatSettings } from './chat.js'
export { type EncodeOptions, encodeItems, type Reach } from './encode.js'
export { promptFeatures } from './features.js'
export { type GenerateOptions, generate } from './generate.js'
export { describeGeneration, type GenerationConfig, readGenerationConfig } from './generation_config.js'
export { logLikelihoods } from './likelihood.js'
export { checkReader, loadReader, loadText, type Reader, readerFile, type TextReader } from './reader.js'
export { checkTower, classFeatures, describeClasses } from './zero_shot.js'

export interface Scores {
  metric: string
  /** Score of the task's metric; a mean of the item scores (0…1) unless the metric is of all items together. */
  score: number
  items: Float64Array
  /** Further scores by name: of other metrics, and of other filters as `metric,filter`. */
  others?: Record<string, number>
  /** Standard errors of all scores by name, as lm-evaluation-harness estimates them; null where it has none. Made when asked for. */
  errors(): Record<string, number | null>
}

export interface EvaluateOptions extends EncodeOptions {
  /** Metrics that run generated programs are allowed to. */
  allowCode?: boolean | undefined
}

/**
 * Scores the first `items` items.
 * @throws UserError before anything is computed: a task that runs generated programs without leave, a model of another kind
 */
export async function evaluate(
  model: Model,
  weights: Weights | Source,
  task: Task,
  reader: Reader,
  options: EvaluateOptions = {},
): Promise<Scores> {
  checkTask(task, model, options)
  return scoreReplies(task, await replyTo(model, weights, task, reader, options))
}

/** What a model makes of an item: its answer, its class or value, or the log-likelihoods of the choices. */
export type Reply = string | number | number[]

/** The replies to the first `items` items; a task that `checkTask` took. */
export async function replyTo(
  model: Model,
  weights: Weights | Source,
  task: Task,
  reader: Reader,
  options: EncodeOptions = {},
): Promise<Reply[]> {
  const items = task.items.slice(0, options.items)
  if (task.kind === 'images')
    return predict(
      model,
      weights,
      imageBatches(items, imagesFor(reader, task), { features: task.features, batchTokens: options.batchTokens }),
      items.length,
    )
  const tokenizer = textFor(reader, task, model)
  if (task.kind === 'choices') return weighChoices(model, weights, task, tokenizer, options.items)
  if (task.kind === 'classify')
    return predict(model, weights, await classBatches(items, tokenizer, options.batchTokens ?? 4096), items.length)
  return answerAll(model, weights, task, tokenizer, options)
}

/** Scores the replies to the first items. */
export async function scoreReplies(task: Task, replies: readonly Reply[]): Promise<Scores> {
  const items = task.items.slice(0, replies.length)
  if (task.kind === 'images' || task.kind === 'classify') {
    return gather(task, (name) =>
      ofLabels(
        name,
        replies as number[],
        items.map((item) => item.label!),
      ),
    )
  }
  if (task.kind === 'choices') {
    const likelihoods = replies as number[][]
    const chosen = likelihoods.map(largest)
    return gather(task, (name) => {
      if (name in LABEL_METRICS)
        return ofLabels(
          name,
          chosen,
          items.map((item, i) => (item.right!.includes(chosen[i]!) ? chosen[i]! : item.right![0]!)),
        )
      return meanOf(
        items.map((item, i) => CHOICE_METRICS[name as keyof typeof CHOICE_METRICS].score(likelihoods[i]!, item)),
      )
    })
  }
  const scores = await scoreAnswers(task, items, replies as string[])
  return gather(task, (name) => ({ ...scores.get(name)!, score: scores.get(name)!.mean }), [...scores.keys()])
}

/** Whether the task's metric runs generated programs, so that somebody has to allow it. */
export const runsCode = ({ kind, metric }: Task): boolean => !kind && METRICS[metric]!.runsCode === true

/**
 * What the first items ask for, before anything is computed.
 * @throws UserError for a choice that adds no token or has no room, for an id without a row in the model's embedding, and for a generation_config.json that is not followed here
 */
export async function checkItems(
  { items: all, ...task }: Task,
  reader: Reader,
  reach: Reach,
  { items }: Pick<EncodeOptions, 'items'> = {},
): Promise<void> {
  if (task.kind === 'images') return
  const [chosen, tokenizer] = [all.slice(0, items), textFor(reader, task, reach)]
  if (task.kind === 'choices') await encodeChoices({ ...task, items: chosen }, tokenizer, reach)
  else if (task.kind) await tokenizer.encodePairs(chosen.map(({ prompt, pair }) => ({ text: prompt, pair })))
  else
    await tokenizer.encode(
      chosen.map(({ prompt }) => prompt),
      { special: true },
    )
  if (!task.kind) checkGeneration(task, tokenizer)
}

/** @throws UserError for a task that this model, or this call, cannot do */
export function checkTask(
  task: Task,
  { objective, outputs, architecture, positions }: Model,
  { allowCode }: EvaluateOptions = {},
): void {
  if (runsCode(task) && !allowCode)
    throw new UserError(
      `task ${task.name} runs the programs that the model writes; give --allow-code-execution to let it`,
    )
  const classes = objective === 'classes' || objective === 'value'
  const wanted = task.kind === 'classify' || task.kind === 'images'
  if (wanted !== classes || (!classes && objective !== 'causal')) {
    throw new UserError(
      `task ${task.name} needs a model that ${wanted ? 'classifies' : 'generates text'}; ${architecture} here has the objective ${objective}`,
    )
  }
  if (!task.kind && task.maxNewTokens >= positions) {
    throw new UserError(
      `task ${task.name} generates up to ${task.maxNewTokens} tokens, and the model has ${positions} positions: there is no room for a prompt; lower max_new_tokens of its card below ${positions}`,
    )
  }
  // A zero-shot model has the classes that it is asked for.
  const known = objective === 'classes' && outputs === 0 ? classPrompts(task).length : outputs
  const wrong =
    objective === 'classes'
      ? task.items.find(({ label }) => !Number.isInteger(label) || label! < 0 || label! >= known)
      : undefined
  if (wrong)
    throw new UserError(
      `task ${task.name}, item ${wrong.id}: the label ${wrong.label} is none of the model's ${known} classes`,
    )
}

interface Part {
  score: number
  items: Float64Array
  /** Of a score that is not a mean of those of the items. */
  labels?: { predicted: readonly number[]; right: readonly number[] }
}

function gather(
  { metric, others = [] }: Task,
  measure: (name: string) => Part,
  names: readonly string[] = [metric, ...others],
): Scores {
  const [first, ...rest] = names
  const { score, items } = measure(first!)
  return {
    metric,
    score,
    items,
    ...(rest.length && { others: Object.fromEntries(rest.map((name) => [name, measure(name).score])) }),
    errors: () =>
      Object.fromEntries(
        names
          .map((name) => [name, measure(name)] as const)
          .map(([name, part]) => [name, standardError(name, part.items, part.labels)]),
      ),
  }
}

const meanOf = (values: readonly number[]): Part => ({
  score: values.reduce((sum, value) => sum + value, 0) / values.length,
  items: Float64Array.from(values),
})

function ofLabels(name: string, predicted: readonly number[], right: readonly number[]): Part {
  const score = LABEL_METRICS[name as keyof typeof LABEL_METRICS].measure(predicted, right)
  return {
    score,
    items: Float64Array.from(predicted, (value, i) => Number(value === right[i])),
    labels: { predicted, right },
  }
}
