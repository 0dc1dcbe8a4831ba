// Texts and pairs of texts for an encoder with a classification head, and what it makes of them.

import { UserError } from '../../errors/index.js'
import { type Batch, batchesOf, IGNORED } from '../../models/index.js'
import type { ClassifyTask } from '../../tasks/index.js'
import type { Tokenizer } from '../../tokenizer/index.js'
import { BATCH_TOKENS } from '../options.js'
import { checkLabels, predict } from '../predict.js'
import { textFor } from '../reader.js'
import { scoreLabels } from '../scores.js'
import type { KindMethods } from './kind.js'

export const classifyMethods: KindMethods<ClassifyTask, number> = {
  classifies: true,

  encode: async (task, reader, reach, batchTokens) =>
    classBatches(pairsOf(task), textFor(reader, task, reach), batchTokens),

  // A text or pair is read whole; its label is not part of it.
  encodePrompts: async (task, reader, model, batchTokens) =>
    classBatches(pairsOf(task), textFor(reader, task, model), batchTokens),

  async reply({ model, weights, reader }, task, batchTokens = BATCH_TOKENS) {
    const batches = await classBatches(pairsOf(task), textFor(reader, task, model), batchTokens)
    return predict(model, weights, batches, task.items.length)
  },

  score: scoreLabels,

  checkModel(task, { objective, outputs }) {
    if (objective !== 'classes') return
    if (outputs === 0)
      throw new UserError(`task ${task.name} is of text, and a zero-shot model here classifies images only`)
    checkLabels(task, outputs)
  },

  async checkItems(task, reader, reach) {
    await textFor(reader, task, reach).encodePairs(pairsOf(task))
  },
}

/** A text or pair for an encoder, and the class (or value) that it should give. */
interface Labelled {
  text: string
  pair?: string
  label: number
}

const pairsOf = ({ items }: ClassifyTask): Labelled[] =>
  items.map(({ prompt, pair, label }) => ({ text: prompt, label, ...(pair !== undefined && { pair }) }))

/** Batches with the class (or value) of each row as its target, and segments where the tokenizer tells a pair's texts apart. */
export async function classBatches(
  rows: readonly Labelled[],
  tokenizer: Tokenizer,
  batchTokens: number,
): Promise<Batch[]> {
  const encoded = await tokenizer.encodePairs(rows)
  const sequences = encoded.map(({ ids }) => ({ prompt: ids, target: [] }))
  const batches = batchesOf(sequences, tokenizer.pad, batchTokens)
  for (const batch of batches) {
    batch.labels.fill(IGNORED)
    batch.targets = Float32Array.from(batch.items, (item) => rows[item]!.label)
    const types = new Int32Array(batch.ids.length)
    batch.items.forEach((item, row) => types.set(encoded[item]!.types, row * batch.columns))
    batch.types = types
  }
  return batches
}
