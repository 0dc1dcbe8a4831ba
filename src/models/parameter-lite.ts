// The parameter-lite encoder in a BERT: trained tokens, a linear layer on all embeddings, and linear layers after the attention of
// some layers (arXiv 2210.13715). What it has is an entry of config.json.
import {
  LITE_NAMES,
  liteSchema,
  liteShapes,
  liteTokens,
  PARAMETER_LITE,
  type ParameterLite,
} from '../adapters/index.js'
import { UserError } from '../errors/index.js'
import { checkValue } from '../schema/index.js'
import type { Tensor } from '../tensor/index.js'
import { ACTIVATIONS } from './activations.js'
import type { Config } from './config.js'
import { linear } from './layers.js'
import type { Block, Weights } from './model.js'
import type { Shapes } from './shapes.js'
import { lookUp } from './vocabulary.js'

/** Heads that the encoder is for: they read the first token of a text or pair. */
const HEADED = /For(NextSentencePrediction|SequenceClassification)$/

export const takesLite = (style: string): boolean => HEADED.test(style)

/** @throws UserError for a model that cannot have it, and for a layer that the model does not have */
export function liteOf(config: Config, layers: number): ParameterLite | null {
  const given = config[PARAMETER_LITE]
  if (given === undefined || given === null) return null
  const style = [config.architectures].flat()[0]
  const lite = checkValue(liteSchema, given, `config.json: ${PARAMETER_LITE}`)
  if (!takesLite(String(style)))
    throw new UserError(
      `config.json: ${PARAMETER_LITE} needs BertForNextSentencePrediction or BertForSequenceClassification, and this is ${style}`,
    )
  const beyond = lite.layers.find((i) => i >= layers)
  if (beyond !== undefined)
    throw new UserError(
      `config.json: ${PARAMETER_LITE} names layer ${beyond}, and the encoder has layers 0 to ${layers - 1}`,
    )
  return lite
}

/** @throws UserError where another architecture's config.json has the entry */
export function refuseLite(config: Config, name: string): void {
  if (name !== 'bert' && (config[PARAMETER_LITE] ?? null) !== null)
    throw new UserError(`config.json: ${PARAMETER_LITE} is an entry for bert; ${name} cannot have it`)
}

/** Declares the tensors outside of the layers, and gives the block that follows the lookup of words; none where it has neither part. */
export function liteBlocks(book: Shapes, lite: ParameterLite, width: number, vocabulary: number): Block[] {
  const shapes = liteShapes({ ...lite, layers: [] }, width, String)
  Object.assign(book.shapes, shapes)
  const weights = Object.keys(shapes)
  if (!weights.length) return []
  const tokens = (held: Weights): Tensor => {
    const stored = held[`${LITE_NAMES.tokens}.weight`]!
    if (lite.prompt_inner === null) return stored
    return linear(ACTIVATIONS.relu!(linear(stored, held, LITE_NAMES.inner)), held, LITE_NAMES.outer)
  }
  return [
    {
      name: 'parameter-lite',
      weights,
      apply(held, hidden, { ids }) {
        const words = liteTokens(lite) ? hidden!.add(lookUp(tokens(held), ids, vocabulary, 0)) : hidden!
        return lite.embedding ? words.add(linear(words, held, LITE_NAMES.embedding)) : words
      },
    },
  ]
}
