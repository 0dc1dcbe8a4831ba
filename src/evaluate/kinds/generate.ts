// Generated answers, and what the task's filters and metrics make of them.

import { UserError } from '../../errors/index.js'
import { batchesOf } from '../../models/index.js'
import {
  answerMetric,
  filterAnswer,
  type GenerateTask,
  partsOfAnswer,
  replyMetrics,
  SELF_CORRECTION_SCORES,
  selfCorrectionScores,
  sequencesOf,
  standardError,
} from '../../tasks/index.js'
import { answerAll, checkGeneration } from '../answers.js'
import { fitAnswers, promptBatches } from '../fit.js'
import { textFor } from '../reader.js'
import { gatherScores, type MetricScore, meanScore } from '../scores.js'
import type { KindMethods } from './kind.js'

export const generateMethods: KindMethods<GenerateTask, string> = {
  classifies: false,

  /** Prompt, target and end-of-text, with labels on target and end-of-text only. */
  async encode(task, reader, reach, batchTokens) {
    const tokenizer = textFor(reader, task, reach)
    const { name, items, delimiter = '' } = task
    const silent = items.find(({ target }) => target === '')
    if (silent)
      throw new UserError(`task ${name} has no reference answers (item ${silent.id}), so there is no loss on it`)
    const sequences = await sequencesOf(
      items.map(({ prompt, target }) => ({ prompt, target: delimiter + target })),
      tokenizer,
    )
    return batchesOf(fitAnswers(sequences, task, reach), tokenizer.pad, batchTokens, reach)
  },

  encodePrompts: promptBatches,

  reply: ({ model, weights, reader }, task) =>
    answerAll({ model, weights, reader: textFor(reader, task, model) }, task),

  /**
   * Each metric under each filter: `metric`, or `metric,filter` where there are filters. Of a task of self-correction these are of
   * the final answers, and the first metric under the first filter is of the first answers too.
   */
  async score(task, answers) {
    const { selfCorrection } = task
    const parts = selfCorrection && answers.map((answer, i) => partsOfAnswer(answer, task.items[i]!, selfCorrection))
    const asked = parts ? { ...task, items: parts.map(({ item }) => item) } : task
    const finals = parts ? parts.map(({ final }) => final) : answers
    const scores = new Map<string, MetricScore>()
    const filters = Object.entries(task.filters ?? { '': [] })
    for (const name of replyMetrics(task))
      for (const [filter, steps] of filters) {
        const filtered = finals.map((answer) => filterAnswer(answer, steps))
        scores.set(filter ? `${name},${filter}` : name, await scoreAnswers(asked, name, filtered))
      }
    if (parts) {
      const [after] = scores.values()
      const firsts = parts.map(({ first }) => filterAnswer(first, filters[0]![1]))
      const before = await scoreAnswers(asked, task.metric, firsts)
      const each = parts.map((part, i) =>
        selfCorrectionScores(part, { first: before.items[i]!, final: after!.items[i]! }),
      )
      for (const name of Object.keys(SELF_CORRECTION_SCORES) as (keyof typeof SELF_CORRECTION_SCORES)[])
        scores.set(
          name,
          name === 'first'
            ? before
            : meanScore(
                name,
                each.map((item) => item[name]),
              ),
        )
    }
    return gatherScores(task, scores)
  },

  checkModel({ name, maxNewTokens }, { positions, start }) {
    if (start === undefined && maxNewTokens >= positions)
      throw new UserError(
        `task ${name} generates up to ${maxNewTokens} tokens, and the model has ${positions} positions: there is no room for a prompt; lower max_new_tokens of its card below ${positions}`,
      )
  },

  async checkItems(task, reader, reach) {
    const tokenizer = textFor(reader, task, reach)
    await tokenizer.encode(
      task.items.map(({ prompt }) => prompt),
      { special: true },
    )
    checkGeneration(task, tokenizer)
  },

  inChat(task, ask) {
    const [scored] = replyMetrics(task)
    if (scored !== undefined && answerMetric(task, scored).completes)
      throw new UserError(
        `task ${task.name}: its answers go on where the prompt ends, and cannot be asked for in a chat`,
      )
    if (task.items.some(({ first }) => first !== undefined))
      throw new UserError(
        `task ${task.name}: its prompts end with a first answer of the model, which cannot be asked for in a chat`,
      )
    const items = task.items.map((item) => ({ ...item, prompt: ask(item.prompt, item.preamble) }))
    return { ...task, chat: true, delimiter: '', items }
  },
}

async function scoreAnswers(task: GenerateTask, name: string, answers: readonly string[]): Promise<MetricScore> {
  const metric = answerMetric(task, name)
  const items = new Float64Array(answers.length)
  let [sum, weights] = [0, 0]
  for (const [i, item] of task.items.entries()) {
    const weight = metric.weight?.(item) ?? 1
    const score = await metric.score(answers[i]!, item, task)
    items[i] = score
    sum += weight * score
    weights += weight
  }
  // lm-evaluation-harness has no standard error of a weighted mean.
  return { score: sum / weights, items, error: () => (metric.weight ? null : standardError(name, items)) }
}
