// The model of a page: lookup, layers, last norm and head, as blocks.

import type { Tensor } from '../tensor/index.js'
import type { Architecture } from './architecture.js'
import { ofTokens } from './batch.js'
import { type Config, checkUsual, sectionOf } from './config.js'
import { answered, attentionPart, attentionTables } from './decoder-attention.js'
import { decoderHead } from './decoder-head.js'
import type { Half, LayerPart, Page } from './decoder-page.js'
import { expertsBlock } from './experts.js'
import { linear, plus } from './layers.js'
import type { Block, Inputs, Model, Weights } from './model.js'
import { checkPositions, positionBlock, positionTable } from './positions.js'
import { QUERIES } from './query-blocks.js'
import { declareShapes, type Shapes } from './shapes.js'
import { embedBlock } from './vocabulary.js'

/** One `model_type` of decoders. */
export interface Family {
  name: string
  /** What names of its classes begin with, and the classes that are not called …ForCausalLM, …ForSequenceClassification and …Model. */
  classes: {
    start: string
    causal?: string
    sequence?: string | null
    bare?: string
    /** What the model's own code called its causal class, before it was one of transformers. */
    own?: string
  }
  cite: string
  /** The section of config.json that is of the decoder, where it is one part of a model. */
  section?: string
  /** What transformers' class takes for keys that a config.json leaves out. */
  defaults: Config
  /** Keys that change what transformers' class computes, with the one value that is known here. */
  usual?: Config
  page(config: Config): Page
}

/**
 * Fields by which some decoder computes otherwise, with the value that changes nothing. A class that does not have one passes over it;
 * a file that says more is of another model. The first is read by every decoder of transformers 5.
 */
const SWITCHES: Config = {
  is_causal: true,
  use_bidirectional_attention: false,
  attn_logit_softcapping: null,
  final_logit_softcapping: null,
  embedding_multiplier: 1,
  residual_multiplier: 1,
  logits_scaling: 1,
  logit_scale: 1,
  use_qk_norm: false,
  qk_layernorm: false,
  clip_qkv: null,
  no_rope_layers: null,
  lm_head_bias: false,
  rope_interleaved: false,
}

/** What config.json says of the head, whichever section is of the decoder. */
const OF_HEAD = ['architectures', 'id2label', 'num_labels', 'problem_type']

/** With the class's defaults. A model of several parts is tied where it or its decoder says so. */
function configOf({ section, defaults }: Family, written: Config): Config {
  if (section === undefined) return { ...defaults, ...written }
  const part = sectionOf(written, section) ?? {}
  const [own, text] = [written.tie_word_embeddings, part.tie_word_embeddings]
  const tie_word_embeddings = own === true || text === true || (own ?? text ?? defaults.tie_word_embeddings)
  const head = Object.fromEntries(OF_HEAD.map((key) => [key, written[key]]))
  return { ...defaults, ...part, ...head, tie_word_embeddings }
}

/** Those that the family does not know. */
const switchesOf = ({ defaults, usual }: Family): Config =>
  Object.fromEntries(Object.entries(SWITCHES).filter(([key]) => !(key in defaults) || (usual && key in usual)))

/** Applies a half of a layer: declared in the order in which it is computed. */
function halfOf(
  { book, at, page }: { book: Shapes; at: string; page: Page },
  { norms, factor }: Half,
  part: LayerPart,
) {
  const norm = (name: string | undefined) => (name === undefined ? null : page.norm(book, at + name, page.width))
  const before = norm(norms.in)
  const apply = part(book, at)
  const after = norm(norms.out)
  const last = norm(norms.sum)
  return {
    /** What it adds to the hidden states. */
    change(hidden: Tensor, weights: Weights, inputs: Inputs): Tensor {
      const made = apply(before ? before(hidden, weights) : hidden, weights, inputs)
      const normed = after ? after(made, weights) : made
      return factor === undefined ? normed : normed.mul(factor)
    },
    settle: (sum: Tensor, weights: Weights): Tensor => (last ? last(sum, weights) : sum),
  }
}

/** A layer is one block, or two where its experts are one that may come in parts. */
function layerBlocks(book: Shapes, page: Page, index: number, holds: (name: string) => boolean): Block[] {
  const { attention, mlp, parallel } = page.layers[index]!
  const at = `${page.names.layers}${index}.`
  const about = { book, at, page }
  const first = halfOf(about, attention, attentionPart(page, index))
  // A cap keeps as much of the scores again.
  const capped = attention.cap !== undefined && { scores: (columns: number) => 2 * page.heads * columns }
  const scores = { queries: QUERIES, ...capped }
  const reach = (hidden: Tensor, inputs: Inputs) =>
    index === page.layers.length - 1 ? answered(hidden, inputs) : hidden
  const attended = (hidden: Tensor, weights: Weights, inputs: Inputs) =>
    first.settle(plus(reach(hidden, inputs), first.change(hidden, weights, inputs)), weights)
  if ('experts' in mlp) {
    const apply: Block['apply'] = (weights, hidden, inputs) => attended(hidden!, weights, inputs)
    const block = { name: `attention ${index}`, weights: book.under(at), ...scores, apply }
    const norm = { name: at + mlp.norms.in, apply: page.norm(book, at + mlp.norms.in, page.width) }
    return [block, expertsBlock(book, mlp.experts, { name: `layer ${index}`, at, norm, holds })]
  }
  const second = halfOf(about, mlp, mlp.part)
  return [
    {
      name: `layer ${index}`,
      weights: book.under(at),
      ...scores,
      apply(weights, hidden, inputs) {
        const middle = attended(hidden!, weights, inputs)
        return second.settle(
          plus(middle, second.change(parallel ? reach(hidden!, inputs) : middle, weights, inputs)),
          weights,
        )
      },
    },
  ]
}

/** From token ids to the first layer. */
function openingBlocks(book: Shapes, { names, vocabulary, positions, width, scale, learned, narrow }: Page): Block[] {
  book.shapes[names.word] = [vocabulary, narrow?.width ?? width]
  const blocks = [embedBlock(names.word, vocabulary, scale)]
  if (narrow) {
    book.affine(narrow.in, [width, narrow.width], false)
    const apply: Block['apply'] = (weights, hidden) => linear(hidden!, weights, narrow.in)
    blocks.push({ name: 'widen', weights: [`${narrow.in}.weight`], apply })
  }
  if (learned) {
    book.shapes[learned.name] = [positions + learned.offset, width]
    blocks.push(positionBlock(learned.name))
  }
  return blocks
}

/** The last norm, of the wanted outputs, and what comes before a head of another width. */
function normBlock(book: Shapes, { names, norm, width, narrow }: Page): Block {
  const known = new Set(Object.keys(book.shapes))
  const last = names.norm === null ? null : norm(book, names.norm, width)
  if (narrow) book.affine(narrow.out, [narrow.width, width], false)
  return {
    name: 'norm',
    weights: Object.keys(book.shapes).filter((name) => !known.has(name)),
    apply(weights, hidden, inputs) {
      const picked = answered(hidden!, inputs)
      const normed = last ? last(picked, weights) : picked
      return narrow ? linear(normed, weights, narrow.out) : normed
    },
  }
}

/** The architecture of a family of decoders. */
export function decoder(family: Family): Architecture {
  const { name, classes, cite, usual, page: read } = family
  const { start, causal = `${start}ForCausalLM`, bare = `${start}Model`, own } = classes
  const sequence = classes.sequence === undefined ? `${start}ForSequenceClassification` : classes.sequence
  return {
    name,
    classes: [causal, ...(own === undefined ? [] : [own]), ...(sequence === null ? [] : [sequence]), bare],
    bare,
    cite,
    make(written, holds = () => false): Model {
      const config = configOf(family, written)
      checkUsual(config, name, { ...switchesOf(family), ...usual })
      const page = read(config)
      const { vocabulary, positions, width, heads, learned, names, tied } = page
      const book = declareShapes()
      const opening = openingBlocks(book, page)
      const layers = page.layers.flatMap((_, index) => layerBlocks(book, page, index, holds))
      const norm = normBlock(book, page)
      const matrices = { word: names.word, logits: tied ? names.word : names.logits }
      const { blocks: end, ...head } = decoderHead(book, config, { ...matrices, finish: page.logits })
      const ropes = page.layers.flatMap(({ attention: { rope } }) => rope ?? [])
      const bounds = ropes.map((rope) => rope.positions)
      const turn = ropes.find((rope) => rope.long)?.long?.above
      return {
        architecture: name,
        ...head,
        vocabulary,
        positions,
        width,
        heads,
        keys: page.kvHeads * page.headDim,
        kvHeads: page.kvHeads,
        packs: true,
        ...(turn !== undefined && { turn }),
        shapes: book.shapes,
        linear: book.linear,
        shifted: book.shifted,
        blocks: [...opening, ...layers, norm, ...end],
        tables(batch, cache) {
          checkPositions(batch.positions, Math.min(...bounds, learned ? positions : Infinity))
          return {
            ...attentionTables(page, batch, cache),
            ...(learned && { positions: positionTable(ofTokens(batch, batch.positions), positions, learned.offset) }),
          }
        },
      }
    },
  }
}
