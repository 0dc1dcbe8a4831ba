// What stands after the last norm of a decoder, by its class: logits of the next token (…ForCausalLM, …LMHeadModel), the classes or
// the value of a text (…ForSequenceClassification: classifiers and reward models), or nothing (…Model).
import { z } from 'zod'
import type { Tensor } from '../tensor/index.js'
import type { Batch } from './batch.js'
import { type Config, classOf, headObjective, labelsOf, read } from './config.js'
import { linear } from './layers.js'
import type { Block, Model } from './model.js'
import type { Shapes } from './shapes.js'
import { projectBlock } from './vocabulary.js'

/** The part of a model that its head decides. */
type Head = Pick<Model, 'objective' | 'outputs' | 'outputAt'> & { blocks: Block[] }

const SCORE = 'score.weight'

/**
 * Flat position of each row's last real token that is not the padding token, as transformers finds it: by its id. A text that ends
 * with the padding token (where that is the end-of-text too) is read before it. Without a padding token it is the last token;
 * transformers then takes one text at a time.
 */
function lastTokens({ rows, columns, ids, mask }: Batch, pad: number | undefined): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => {
    const first = row * columns
    let last = columns - 1
    while (last > 0 && !(mask[first + last] && ids[first + last] !== pad)) last--
    return first + last
  })
}

/**
 * Declares the head's tensors and gives its blocks.
 * @param names the matrix of the embeddings, and that of the logits where it is another; and what is done with the logits
 */
export function decoderHead(
  book: Shapes,
  config: Config,
  names: { word: string; logits: string; finish?: ((x: Tensor) => Tensor) | undefined },
): Head {
  const style = classOf(config) ?? ''
  const [vocabulary, width] = book.shapes[names.word]!
  if (style.endsWith('ForSequenceClassification')) {
    const outputs = labelsOf(config)
    const pad = read(config, 'pad_token_id', z.number().int().optional())
    book.shapes[SCORE] = [outputs, width!]
    const apply: Block['apply'] = (weights, hidden) => linear(hidden!, weights, 'score')
    return {
      objective: headObjective(config),
      outputs,
      outputAt: (batch) => lastTokens(batch, pad),
      blocks: [{ name: 'head', weights: [SCORE], apply }],
    }
  }
  if (style.endsWith('Model') && !style.endsWith('LMHeadModel'))
    return { objective: 'features', outputs: width!, blocks: [] }
  if (names.logits !== names.word) book.shapes[names.logits] = [vocabulary!, width!]
  return { objective: 'causal', outputs: vocabulary!, blocks: [projectBlock(names.logits, undefined, names.finish)] }
}
