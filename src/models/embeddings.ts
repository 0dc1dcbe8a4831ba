// What encoders of text add to the embeddings of tokens: learned positions and segments, and a LayerNorm of the sum.
import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import { layerNorm, linear } from './layers.js'
import type { Block } from './model.js'
import { positionTable } from './positions.js'
import type { Shapes } from './shapes.js'

export interface Embeddings {
  /** Prefix of the names of all parts. */
  at: string
  vocabulary: number
  width: number
  epsilon: number
  /** Rows of the learned positions and segments; none of 0. */
  positions: number
  types: number
  /** A linear layer without bias to another width, before the norm. */
  project?: { name: string; width: number } | undefined
}

/** The name of the matrix that tokens are looked up in. */
export const wordOf = (at: string): string => `${at}word_embeddings.weight`

/** Declares all embeddings; the block adds those of `tables.positions` and `tables.types` to the tokens'. */
export function placeBlock(book: Shapes, embeddings: Embeddings): Block {
  const { at, vocabulary, width, epsilon, positions, types, project } = embeddings
  const [position, type] = [`${at}position_embeddings.weight`, `${at}token_type_embeddings.weight`]
  book.shapes[wordOf(at)] = [vocabulary, width]
  if (positions) book.shapes[position] = [positions, width]
  if (types) book.shapes[type] = [types, width]
  if (project) book.affine(at + project.name, [project.width, width], false)
  book.affine(`${at}LayerNorm`, [project?.width ?? width], true)
  return {
    name: 'positions',
    weights: book.under(at).filter((name) => name !== wordOf(at)),
    apply(weights, hidden, { tables }) {
      const rows = (name: string, ids: Tensor) => tf.gather(weights[name]!, ids as tf.Tensor1D)
      let sum = hidden!
      if (positions) sum = sum.add(rows(position, tables.positions!))
      if (types) sum = sum.add(rows(type, tables.types!))
      if (project) sum = linear(sum, weights, at + project.name)
      return layerNorm(sum, weights, `${at}LayerNorm`, epsilon)
    },
  }
}

/**
 * Rows of the embeddings' tables for the tokens of a batch.
 * @param placed positions of the tokens where they are not their columns
 */
export function placeTables(
  batch: Batch,
  { positions, types }: Pick<Embeddings, 'positions' | 'types'>,
  placed: Int32Array = batch.ids.map((_, i) => i % batch.columns),
): Record<string, Tensor> {
  return {
    ...(positions && { positions: positionTable(placed, positions) }),
    ...(types && { types: segmentTable(batch, types) }),
  }
}

/** @throws UserError for a second text that the model has no row for */
function segmentTable({ ids, types }: Batch, rows: number): tf.Tensor1D {
  const beyond = types?.find((type) => type >= rows)
  if (beyond !== undefined)
    throw new UserError(
      `the tokenizer puts tokens in segment ${beyond} of a pair (token_type_ids), and the model has ${rows} (type_vocab_size in config.json); model_input_names of tokenizer_config.json without token_type_ids puts all in the first`,
    )
  return tf.tensor1d(types ?? new Int32Array(ids.length), 'int32')
}
