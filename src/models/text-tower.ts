// The text tower beside an image tower (CLIP, SigLIP): learned positions, layers, a last norm, and the state of one token of each text.
import { type Tensor, tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Config } from './config.js'
import type { LayerSettings } from './encoder.js'
import type { Model } from './model.js'
import { positionBlock, positionTable } from './positions.js'
import { declareShapes } from './shapes.js'
import { affineBlock, layersOf, normBlock } from './tower.js'
import { embedBlock } from './vocabulary.js'

interface TextTower {
  architecture: string
  settings: LayerSettings
  vocabulary: number
  positions: number
  /** Flat position of the token of each row that stands for the text. */
  endsOf(batch: Batch): Int32Array
  /** The mask, where the layers have one. */
  tables?(batch: Batch): Record<string, Tensor>
  /** The linear layer behind that token, if any. */
  head?: { at: string; features: number; bias: boolean }
}

/** @param tower the tower's part of the config */
export function textTower(
  tower: Config,
  { architecture, settings, vocabulary, positions, endsOf, tables, head }: TextTower,
): Model {
  const { width, heads } = settings
  const book = declareShapes()
  const [word, position] = ['token', 'position'].map((name) => `text_model.embeddings.${name}_embedding.weight`)
  book.shapes[word!] = [vocabulary, width]
  book.shapes[position!] = [positions, width]
  return {
    architecture,
    objective: 'features',
    vocabulary,
    outputs: head ? head.features : width,
    positions,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    tables: (batch) => ({
      ...tables?.(batch),
      positions: positionTable(batch.positions, positions),
      ends: tf.tensor1d(endsOf(batch), 'int32'),
    }),
    blocks: [
      embedBlock(word!, vocabulary),
      positionBlock(position!),
      ...layersOf(book, 'text_model', tower, settings),
      normBlock(book, settings, { name: 'norm', at: 'text_model.final_layer_norm' }),
      { name: 'pool', weights: [], apply: (_, hidden, { tables }) => tf.gather(hidden!, tables.ends as tf.Tensor1D) },
      ...(head ? [affineBlock(book, 'features', { at: head.at, shape: [head.features, width], bias: head.bias })] : []),
    ],
  }
}
