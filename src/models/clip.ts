// CLIP (Radford et al. 2021): the image tower as a zero-shot or an ordinary classifier, and the two towers as features. Names
// and shapes are those of transformers' CLIPModel, CLIPForImageClassification and CLIP…ModelWithProjection.

import type { Batch } from './batch.js'
import { type Config, classOf, countOf, headObjective, KIND, labelsOf, read } from './config.js'
import { causalMask } from './masks.js'
import type { Block, Model } from './model.js'
import { patchBlock, patchTables, readImageSizes } from './patches.js'
import { declareShapes } from './shapes.js'
import { textTower } from './text-tower.js'
import { affineBlock, layersOf, normBlock, towerOf, towerSettings } from './tower.js'
import { classTable, zeroShotBlock } from './zero-shot.js'

const USUAL = { epsilon: 1e-5, activation: 'quick_gelu' }

/** Sizes of ViT-B/32, which transformers leaves out of the towers' configurations where they are its defaults. */
const VISION = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 32,
}
const TEXT = { hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 12, num_attention_heads: 8 }

/** Mean of the patches' hidden states, without the class token. */
const meanPatches = (sequence: number, width: number): Block => ({
  name: 'pool',
  weights: [],
  apply(_, hidden, { rows, tables: { first } }) {
    const share = first!
      .mul(-1)
      .add(1)
      .div(sequence - 1)
    return hidden!.reshape([rows, sequence, width]).mul(share).sum(1)
  },
})

function vision(config: Config, style: string): Model {
  const tower: Config = { ...VISION, ...towerOf(config, 'vision') }
  const projection = countOf(config, 'projection_dim', 512)
  const sizes = readImageSizes(tower)
  const settings = towerSettings(tower, () => null, USUAL)
  const { width, heads } = settings
  const book = declareShapes()
  const at = 'vision_model.embeddings.'
  const names = {
    token: `${at}class_embedding`,
    kernel: `${at}patch_embedding.weight`,
    position: `${at}position_embedding.weight`,
  }
  book.shapes[names.token] = [width]
  book.shapes[names.kernel] = [width, sizes.channels, sizes.patch, sizes.patch]
  book.shapes[names.position] = [sizes.sequence, width]
  const embed = [
    patchBlock(names, width),
    normBlock(book, settings, { name: 'pre-norm', at: 'vision_model.pre_layrnorm' }),
  ]
  const layers = layersOf(book, 'vision_model', tower, settings)
  const classifies = style === 'CLIPForImageClassification'
  const pool = classifies
    ? [
        meanPatches(sizes.sequence, width),
        affineBlock(book, 'head', { at: 'classifier', shape: [labelsOf(config), width], bias: true }),
      ]
    : [normBlock(book, settings, { name: 'pool', at: 'vision_model.post_layernorm', pick: true })]
  const projects = !classifies && style !== 'CLIPVisionModel'
  if (projects) pool.push(affineBlock(book, 'features', { at: 'visual_projection', shape: [projection, width] }))
  const compares = style === 'CLIPModel'
  const head = compares ? [zeroShotBlock(book, [])] : []
  return {
    architecture: 'clip',
    objective: classifies ? headObjective(config) : compares ? 'classes' : 'features',
    vocabulary: 0,
    outputs: classifies ? labelsOf(config) : compares ? 0 : projects ? projection : width,
    positions: sizes.sequence,
    sequence: sizes.sequence,
    width,
    heads,
    shapes: book.shapes,
    linear: book.linear,
    ...(compares && { describer: 'CLIPTextModelWithProjection' }),
    tables: (batch) => ({ ...patchTables(batch, sizes), ...(compares && classTable(batch, projection)) }),
    blocks: [...embed, ...layers, ...pool, ...head],
  }
}

/** Flat position of each row's end-of-text token: the largest id where the config says 2 (OpenAI's files), else the first of its id. */
function endsOf({ rows, columns, ids }: Batch, eos: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => {
    const all = ids.subarray(row * columns, (row + 1) * columns)
    const at = eos === 2 ? all.indexOf(all.reduce((a, b) => Math.max(a, b))) : Math.max(0, all.indexOf(eos))
    return row * columns + at
  })
}

function text(config: Config, projects: boolean): Model {
  const tower: Config = { ...TEXT, ...towerOf(config, 'text') }
  const settings = towerSettings(tower, ({ tables }) => tables.before!, USUAL)
  const eos = read(tower, 'eos_token_id', KIND.index, 49407)
  return textTower(tower, {
    architecture: 'clip',
    settings,
    vocabulary: countOf(tower, 'vocab_size', 49408),
    positions: countOf(tower, 'max_position_embeddings', 77),
    tables: (batch) => ({ before: causalMask(batch) }),
    endsOf: (batch) => endsOf(batch, eos),
    ...(projects && {
      head: { at: 'text_projection', features: countOf(config, 'projection_dim', 512), bias: false },
    }),
  })
}

/** One of the two towers, as `architectures` says; CLIPModel is the zero-shot classifier. */
export function clip(config: Config): Model {
  const style = classOf(config, 'CLIPModel')!
  return style.startsWith('CLIPText') ? text(config, style.endsWith('Projection')) : vision(config, style)
}
