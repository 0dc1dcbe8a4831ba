// Choices: the model takes the one of the highest log-likelihood.
import { batchesOf, type Sequence } from '../../models/index.js'
import { type ChoiceTask, choiceMetric, continuationsOf, largestIndex } from '../../tasks/index.js'
import type { Tokenizer } from '../../tokenizer/index.js'
import { fitAnswer, fitAnswers, promptBatches } from '../fit.js'
import { logLikelihoods } from '../likelihood.js'
import type { Reach } from '../options.js'
import { textFor } from '../reader.js'
import { gatherScores, labelScore, meanScore, measureEach } from '../scores.js'
import type { KindMethods } from './kind.js'

export const choiceMethods: KindMethods<ChoiceTask, number[]> = {
  classifies: false,

  /** The right choice after its prompt, without end-of-text. */
  async encode(task, reader, reach, batchTokens) {
    const tokenizer = textFor(reader, task, reach)
    const { items, delimiter = '' } = task
    const sequences = await continuationsOf(
      items.map(({ prompt, target }) => ({ context: prompt, text: delimiter + target })),
      tokenizer,
      { apart: reach.start !== undefined },
    )
    return batchesOf(fitAnswers(sequences, task, reach), tokenizer.pad, batchTokens, reach)
  },

  encodePrompts: promptBatches,

  /** Summed log-likelihoods of the choices of each item. */
  async reply({ model, weights, reader }, task) {
    const tokenizer = textFor(reader, task, model)
    const lists = await encodeChoices(task, tokenizer, model)
    const sums = await logLikelihoods(model, weights, lists.flat(), tokenizer.pad)
    let at = 0
    return lists.map((list) => list.map(() => sums[at++]!))
  },

  score(task, likelihoods) {
    const chosen = likelihoods.map(largestIndex)
    const measured = measureEach(task, (name) => {
      const metric = choiceMetric(task, name)
      if (metric)
        return meanScore(
          name,
          task.items.map((item, i) => metric.score(likelihoods[i]!, item)),
        )
      // A metric of classes: where several choices are right, any of them is.
      const right = task.items.map(({ right }, i) => (right.includes(chosen[i]!) ? chosen[i]! : right[0]!))
      return labelScore(name, chosen, right)
    })
    return gatherScores(task, measured)
  },

  async checkItems(task, reader, reach) {
    await encodeChoices(task, textFor(reader, task, reach), reach)
  },

  inChat: (task, ask) => ({
    ...task,
    chat: true,
    delimiter: '',
    items: task.items.map((item) => ({
      ...item,
      prompt: ask(item.prompt, item.preamble),
      choices: item.choices.map(({ prompt, text }) => ({ prompt: ask(prompt, item.preamble), text })),
    })),
  }),
}

/** The choices of each item after its prompt. @throws UserError by item and choice, for one that adds no token or has no room */
async function encodeChoices(
  { name, items, delimiter = '' }: ChoiceTask,
  tokenizer: Tokenizer,
  reach: Reach,
): Promise<Sequence[][]> {
  const all = items.flatMap(({ id, choices: list }) =>
    list.map(({ prompt, text }, i) => ({
      context: prompt,
      text: delimiter + text,
      what: () => `task ${name}, item ${id}: choice ${i + 1}, ${JSON.stringify(text)},`,
    })),
  )
  const encoded = await continuationsOf(all, tokenizer, { apart: reach.start !== undefined })
  const sequences = encoded.map((each, i) => fitAnswer(each, reach, all[i]!.what))
  let at = 0
  return items.map(({ choices: list }) => list.map(() => sequences[at++]!))
}
