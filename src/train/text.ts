// Text for models that predict the next token: documents, and items of prompt and target.

import { UserError } from '../errors/index.js'
import { type Model, padBatch, type Sequence } from '../models/index.js'
import type { Encoder } from '../tasks/index.js'
import { keyOf, uniformAt } from '../tensor/index.js'
import type { Tokenizer } from '../tokenizer/index.js'
import { type Batches, type DataOptions, readRecords, split, visits } from './data.js'
import { readItems } from './parts.js'

/** Random windows of the documents joined by end-of-text; every token but a window's first is predicted. */
export async function corpusBatches(
  file: string,
  { encode, eos }: Encoder,
  options: DataOptions & { window: number },
): Promise<Batches> {
  if (eos === undefined)
    throw new UserError(`${file}: the tokenizer names no eos_token of the model, which joins the documents of a corpus`)
  const documents = await readRecords(file, ['text'])
  const tokens: number[] = []
  for (const ids of await encode(documents.map(({ record }) => record.text))) {
    for (const id of ids) tokens.push(id)
    tokens.push(eos)
  }
  const stream = Int32Array.from(tokens)
  const { window, batch, seed } = options
  if (stream.length <= window)
    throw new UserError(`${file}: holds ${stream.length} tokens; a window of ${window} needs more`)
  const key = keyOf(seed, 'corpus')
  return (step) =>
    split(
      Array.from({ length: batch }, (_, i) => i),
      options.micro_batches,
    ).map((rows) => {
      const sequences: Sequence[] = rows.map((row) => {
        const start = Math.floor(uniformAt(key, step * batch + row) * (stream.length - window))
        return { prompt: [], target: [...stream.subarray(start, start + window)] }
      })
      return padBatch(sequences, [...sequences.keys()], eos)
    })
}

/**
 * Items in a new random order every epoch; loss on the target and end-of-text (if the model has one) only, with
 * `mask: partial_answer` without the wrong first answers.
 * @param options `start` of an encoder–decoder
 */
export async function itemBatches(
  file: string,
  encoder: Tokenizer,
  options: DataOptions & Pick<Model, 'start'> & { mask?: 'partial_answer' | undefined },
): Promise<Batches> {
  const sequences = await readItems(file, encoder, options.mask === 'partial_answer')
  const visited = visits(file, sequences.length, options)
  return (step) =>
    visited(step).map((part) =>
      padBatch(
        sequences,
        part.map(({ item }) => item),
        encoder.eos ?? encoder.pad,
        { start: options.start },
      ),
    )
}
