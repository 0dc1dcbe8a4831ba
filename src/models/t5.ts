// T5 (Raffel et al. 2020), its version 1.1 and FLAN, and the multilingual mT5 and umT5: an encoder that reads the prompt, and a decoder
// that sees its states. RMSNorm, relative positions in buckets, no biases, scores that are not scaled. Names and shapes are
// those of transformers' T5ForConditionalGeneration, T5Model and T5EncoderModel. The states that pass through the chain are
// the encoder's, and behind them the decoder's; a batch without prompts has one of them alone.
import { UserError } from '../errors/index.js'
import { type Tensor, tf } from '../tensor/index.js'
import { gateBy } from './activations.js'
import type { Architecture } from './architecture.js'
import type { Batch } from './batch.js'
import { bucketTable } from './buckets.js'
import type { Cache } from './cache.js'
import { type Config, checkUsual, classOf, countOf, isSet } from './config.js'
import { attend, linear, mixHeads, plus, rmsNorm, splitHeads } from './layers.js'
import { causalMask, paddingMask } from './masks.js'
import type { Block, Inputs, Model, Weights } from './model.js'
import { declareShapes, type Shapes } from './shapes.js'
import { type Kind, POSITIONS, readConfig, type Side, startToken, type T5 } from './t5-config.js'
import { embedBlock, pickWanted, projectBlock } from './vocabulary.js'

const WORD = 'shared.weight'
const LOGITS = 'lm_head.weight'

/** The scores' offsets by the distance of query and key, [heads, columns, length]. umT5 has a table in each layer, the others one in the first. */
const biasName = ({ kind }: T5, side: Side, layer: number) =>
  `${side}.block.${kind === 'umt5' ? layer : 0}.layer.0.SelfAttention.relative_attention_bias.weight`

function offsets(table: Tensor, ids: Tensor, mask: Tensor): Tensor {
  const length = mask.shape.at(-1)!
  const all = tf.gather(table, ids as tf.Tensor1D).reshape([ids.size / length, length, -1])
  return all.transpose([2, 0, 1]).add(mask)
}

/** The encoder's states, where the batch has prompts, and those behind them. */
function sides(hidden: Tensor, { rows, batch }: Inputs): [encoded: Tensor | null, own: Tensor] {
  if (!batch.encoder) return [null, hidden]
  const at = rows * batch.encoder.columns
  const [encoded, own] = tf.split(hidden, [at, hidden.shape[0]! - at]) as [Tensor, Tensor]
  return [encoded, own]
}

/** A block that changes the encoder's states: all of them, in a model without a decoder. */
const onEncoder =
  (change: (own: Tensor, weights: Weights, inputs: Inputs) => Tensor): Block['apply'] =>
  (weights, hidden, inputs) => {
    const [encoded, rest] = sides(hidden!, inputs)
    return encoded ? tf.concat([change(encoded, weights, inputs), rest], 0) : change(rest, weights, inputs)
  }

/** A block that changes the decoder's states. */
const onDecoder =
  (change: (own: Tensor, weights: Weights, inputs: Inputs, encoded: Tensor | null) => Tensor): Block['apply'] =>
  (weights, hidden, inputs) => {
    const [encoded, own] = sides(hidden!, inputs)
    const changed = change(own, weights, inputs, encoded)
    return encoded ? tf.concat([encoded, changed], 0) : changed
  }

const project = (x: Tensor, weights: Weights, at: string, names: 'qkv' | 'kv' = 'qkv') =>
  [...names].map((name) => linear(x, weights, `${at}.${name}`))

/** The decoder's queries over the encoder's states, whose keys and values a generation makes once. */
function lookAcross(
  x: Tensor,
  encoded: Tensor | null,
  weights: Weights,
  { at, layer, c, inputs }: { at: string; layer: number; c: T5; inputs: Inputs },
): Tensor {
  const { rows, cache, batch, tables } = inputs
  let seen = encoded ? undefined : cache?.encoder?.layers[layer]
  if (!seen) {
    if (!encoded) throw new UserError('an encoder–decoder needs the prompts of its encoder in its batches')
    const [keys, values] = project(encoded, weights, at, 'kv').map((all) => splitHeads(all, rows, c.heads))
    seen = { keys: keys!, values: values! }
    if (cache) {
      cache.encoder ??= { columns: batch.encoder!.columns, mask: batch.encoder!.mask, layers: [] }
      cache.encoder.layers[layer] = { keys: tf.keep(keys!), values: tf.keep(values!) }
    }
  }
  const queries = splitHeads(linear(x, weights, `${at}.q`), rows, c.heads)
  return linear(mixHeads([queries, seen.keys, seen.values], tables.real!, { scale: 1 }), weights, `${at}.o`)
}

function think(x: Tensor, weights: Weights, at: string, { activation, gated }: T5): Tensor {
  const opened = gated
    ? gateBy(activation, linear(x, weights, `${at}.wi_0`), linear(x, weights, `${at}.wi_1`))
    : activation(linear(x, weights, `${at}.wi`))
  return linear(opened, weights, `${at}.wo`)
}

/** The parts of a layer, each behind a norm of its own. */
const PARTS = {
  encoder: ['SelfAttention', 'DenseReluDense'],
  decoder: ['SelfAttention', 'EncDecAttention', 'DenseReluDense'],
} as const

/** Declares the tensors of a layer and gives its block. */
function layerBlock(book: Shapes, c: T5, side: Side, layer: number): Block {
  const prefix = `${side}.block.${layer}.layer.`
  const parts = PARTS[side].map((part, i) => ({ part, at: `${prefix}${i}.${part}`, norm: `${prefix}${i}.layer_norm` }))
  const keys = c.heads * c.headDim
  for (const { part, at, norm } of parts) {
    book.affine(norm, [c.width], false)
    if (part === 'DenseReluDense') {
      for (const name of c.gated ? ['wi_0', 'wi_1'] : ['wi']) book.matrix(`${at}.${name}`, [c.inner, c.width], false)
      book.matrix(`${at}.wo`, [c.width, c.inner], false)
    } else {
      for (const name of 'qkv') book.matrix(`${at}.${name}`, [keys, c.width], false)
      book.matrix(`${at}.o`, [c.width, keys], false)
    }
  }
  const bias = biasName(c, side, layer)
  book.shapes[bias] = [c.buckets[side].count, c.heads]
  const weights = [...new Set([...book.under(prefix), bias])]
  const apply = (own: Tensor, held: Weights, inputs: Inputs, encoded: Tensor | null = null): Tensor => {
    const { tables, rows, cache, places } = inputs
    const [ids, mask] = side === 'encoder' ? [tables.around!, tables.real!] : [tables.behind!, tables.before!]
    const steps: Record<(typeof parts)[number]['part'], (x: Tensor, at: string) => Tensor> = {
      SelfAttention(x, at) {
        const heads = project(x, held, at) as [Tensor, Tensor, Tensor]
        const seen = { rows, ...(side === 'decoder' && cache && { cache, places: places! }) }
        return linear(attend(heads, offsets(held[bias]!, ids, mask), seen, { ...c, layer }), held, `${at}.o`)
      },
      EncDecAttention: (x, at) => lookAcross(x, encoded, held, { at, layer, c, inputs }),
      DenseReluDense: (x, at) => think(x, held, at, c),
    }
    return parts.reduce(
      (state, { part, at, norm }) => plus(state, steps[part](rmsNorm(state, held[`${norm}.weight`]!, c.epsilon), at)),
      own,
    )
  }
  const name = `layer ${layer} of the ${side}`
  return side === 'encoder'
    ? { name, weights, encodes: true, apply: onEncoder((own, held, inputs) => apply(own, held, inputs)) }
    : { name, weights, apply: onDecoder(apply) }
}

/** Declares a side's layers and its last norm; what `pick` makes of the decoder's states goes on alone. */
function sideBlocks(book: Shapes, c: T5, side: Side, bare: boolean): Block[] {
  const layers = Array.from({ length: c.layers[side] }, (_, layer) => layerBlock(book, c, side, layer))
  const at = `${side}.final_layer_norm`
  book.affine(at, [c.width], false)
  const weights = [`${at}.weight`]
  const norm = (x: Tensor, held: Weights) => rmsNorm(x, held[`${at}.weight`]!, c.epsilon)
  if (side === 'decoder' || bare)
    return [
      ...layers,
      {
        name: 'norm',
        weights,
        apply: (held, hidden, inputs) => norm(pickWanted(sides(hidden!, inputs)[1], inputs.wanted), held),
      },
    ]
  return [...layers, { name: 'norm of the encoder', weights, encodes: true, apply: onEncoder(norm) }]
}

function makeTables(c: T5, batch: Batch, cache: Cache | undefined, bare: boolean): Record<string, Tensor> {
  const { rows, columns } = batch
  const buckets = (side: Side, queries: number, keys = queries, past = 0) =>
    tf.tensor1d(bucketTable(queries, keys, past, c.buckets[side]), 'int32')
  const read = bare ? batch : (batch.encoder ?? cache?.encoder)
  if (!read) throw new UserError(`a batch without prompts has nothing for the encoder of the ${c.kind}`)
  return {
    real: paddingMask({ rows, columns: read.columns, mask: read.mask }),
    ...(read !== cache?.encoder && { around: buckets('encoder', read.columns) }),
    ...(!bare && {
      before: causalMask(batch, cache),
      behind: buckets('decoder', columns, cache?.capacity, cache?.length),
    }),
  }
}

/** The logits' matrix: of its own where the file holds one, or, without a file, where the config ties none; else the embeddings. */
function logitsName(config: Config, holds: ((name: string) => boolean) | undefined): string {
  const own = holds ? holds(LOGITS) : !isSet(config, 'tie_word_embeddings', true)
  return own ? LOGITS : WORD
}

/** A model of this kind from its config.json; `holds` tells which tensors its file has. */
const model =
  (kind: Kind) =>
  (written: Config, holds?: (name: string) => boolean): Model => {
    const { config, c } = readConfig(kind, written)
    const style = classOf(config) ?? ''
    const bare = style.endsWith('EncoderModel')
    if (bare) checkUsual(config, style, { is_decoder: false })
    const own = ['encoder', 'decoder'].find((side) => holds?.(`${side}.embed_tokens.weight`) && holds(WORD))
    if (own)
      throw new UserError(
        `${own}.embed_tokens.weight differs from ${WORD}: embeddings of its own are not supported for the ${own} of ${kind}`,
      )
    const vocabulary = countOf(config, 'vocab_size')
    const book = declareShapes()
    book.shapes[WORD] = [vocabulary, c.width]
    const encoder = sideBlocks(book, c, 'encoder', bare)
    const decoder = bare ? [] : sideBlocks(book, c, 'decoder', false)
    const head: Block[] = []
    if (!bare && !style.endsWith('Model')) {
      const logits = logitsName(config, holds)
      book.shapes[logits] = [vocabulary, c.width]
      // Of mT5 no version 5 scales them.
      const scales =
        kind !== 'mt5' && isSet(config, 'scale_decoder_outputs', isSet(config, 'tie_word_embeddings', true))
      const scale: Block = { name: 'scale', weights: [], apply: (_, hidden) => hidden!.mul(c.width ** -0.5) }
      head.push(...(scales ? [scale] : []), projectBlock(logits))
    }
    return {
      architecture: kind,
      objective: head.length ? 'causal' : 'features',
      vocabulary,
      outputs: head.length ? vocabulary : c.width,
      positions: countOf(config, 'n_positions', POSITIONS),
      ...(!bare && { start: startToken(config, vocabulary) }),
      width: c.width,
      heads: c.heads,
      keys: c.heads * c.headDim,
      shapes: book.shapes,
      linear: book.linear,
      ...(!bare && { encoded: book.linear.filter((name) => /^encoder\.|\.EncDecAttention\.[kv]\.weight$/.test(name)) }),
      tables: (batch, cache) => makeTables(c, batch, cache, bare),
      blocks: [embedBlock(WORD, vocabulary), ...encoder, ...decoder, ...head],
    }
  }

const classesOf = (start: string, ...more: string[]) => ({
  classes: [`${start}ForConditionalGeneration`, ...more, `${start}EncoderModel`, `${start}Model`],
  bare: `${start}Model`,
})

export const t5: Architecture = {
  name: 't5',
  ...classesOf('T5', 'T5WithLMHeadModel'),
  make: model('t5'),
  cite: 'Raffel et al. 2020 (arXiv 1910.10683)',
}
export const mt5: Architecture = {
  name: 'mt5',
  ...classesOf('MT5'),
  make: model('mt5'),
  cite: 'Xue et al. 2021 (arXiv 2010.11934)',
}
export const umt5: Architecture = {
  name: 'umt5',
  ...classesOf('UMT5'),
  make: model('umt5'),
  cite: 'Chung et al. 2023 (arXiv 2304.09151)',
}
