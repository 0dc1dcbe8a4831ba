// Candidates in the blank of a text, ranked by the likelihood that an encoder's head gives to one class.
import { UserError } from '../../errors/index.js'
import type { RankingTask } from '../../tasks/index.js'
import { RANK_METRICS, rankAmong } from '../../tasks/index.js'
import { BATCH_TOKENS } from '../options.js'
import { checkLabels, margins } from '../predict.js'
import { textFor } from '../reader.js'
import { gatherScores, meanScore, measureEach } from '../scores.js'
import { classBatches } from './classify.js'
import type { KindMethods } from './kind.js'

export const rankMethods: KindMethods<RankingTask, number[]> = {
  classifies: true,

  /** The right candidates, with the class as their target. */
  encode: async (task, reader, reach, batchTokens) =>
    classBatches(
      task.items.map(({ filled, right, label }) => ({ ...filled[right]!, label })),
      textFor(reader, task, reach),
      batchTokens,
    ),

  /** The texts with their blanks. */
  encodePrompts: async (task, reader, model, batchTokens) =>
    classBatches(
      task.items.map(({ prompt, label }) => ({ text: prompt, label })),
      textFor(reader, task, model),
      batchTokens,
    ),

  /** Of each candidate: the log-odds of the class. */
  async reply({ model, weights, reader }, task, batchTokens = BATCH_TOKENS) {
    const rows = task.items.flatMap(({ filled, label }) => filled.map((each) => ({ ...each, label })))
    const batches = await classBatches(rows, textFor(reader, task, model), batchTokens)
    const found = await margins(model, weights, batches, rows.length)
    let at = 0
    return task.items.map(({ filled }) => filled.map(() => found[at++]!))
  },

  score({ items, ...task }, odds) {
    const ranks = items.map(({ right }, i) => rankAmong(odds[i]!, right))
    return gatherScores(
      task,
      measureEach(task, (name) => meanScore(name, ranks.map(RANK_METRICS[name]!.score))),
    )
  },

  checkModel(task, { objective, outputs }) {
    if (objective !== 'classes' || outputs < 2)
      throw new UserError(
        `task ${task.name} ranks by the likelihood of a class, and this model gives ${objective === 'classes' ? 'no classes of texts' : 'a value'}`,
      )
    checkLabels(task, outputs)
  },

  async checkItems(task, reader, reach) {
    await textFor(reader, task, reach).encodePairs(task.items.flatMap(({ filled }) => filled))
  },
}
