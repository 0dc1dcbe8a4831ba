// A page: what one decoder is, in data that its family reads from config.json. `decoder.ts` makes the model of it. A new family is
// a page and no new code, unless it has a part that no other has: then it is a function of the types here.
import type { Tensor } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache } from './cache.js'
import type { HeadSizes } from './layers.js'
import type { Inputs, Weights } from './model.js'
import type { Rope } from './rope.js'
import type { Routing } from './routing.js'
import type { Shapes } from './shapes.js'

/** What config.json calls a layer whose queries see all keys before them, and one with a window. */
export type LayerType = 'full_attention' | 'sliding_attention'

/** Declares its tensors, whose names begin with `at`, and gives what it makes of hidden states [tokens, width]. */
export type LayerPart = (book: Shapes, at: string) => (x: Tensor, weights: Weights, inputs: Inputs) => Tensor

/** Declares the tensors of the norm `name` and gives it: x [n, width] → [n, width]. */
export type Norm = (book: Shapes, name: string, width: number) => (x: Tensor, weights: Weights) => Tensor

/** One of the two halves of a layer: h + factor·out(half(in(h))), and `sum` of that. Norms are named below the layer. */
export interface Half {
  norms: { in?: string; out?: string; sum?: string }
  factor?: number
}

export interface Attention extends Half {
  /** Names of the projections below the layer: three, or one whose outputs are `blocks` q | k | v, or `groups` of each key head: its queries, k, v. */
  projections: { q: string; k: string; v: string } | { fused: string; order: 'blocks' | 'groups' }
  out: string
  /** Biases of q, k and v; of the output. */
  bias: { in: boolean; out: boolean }
  /** Linear layers are stored [in, out]. */
  transposed?: boolean
  /** Norms of queries and keys before the rotation: of each `head`, or over all of them. */
  headNorms?: { q: string; k: string; over: 'head' | 'all' }
  /** How queries and keys are turned; null where they are not. */
  rope: Rope | null
  /** Keys that a query sees, itself included; Infinity for all. */
  window: number
  /** Factor of the scores; 1 / sqrt(headDim) unless given. */
  scale?: number
  /** Scores become cap·tanh(scores / cap). */
  cap?: number
}

/** Several MLPs, of which a router sends each token to a few (`experts.ts`). */
export interface Experts {
  routing: Routing
  count: number
  width: number
  /** Inner width of an expert. */
  inner: number
  /** The MLP that all tokens go through, if there is one. Its names begin with `shared_expert.`. */
  shared: LayerPart | null
  activation: (x: Tensor) => Tensor
  /** What the file calls the module within a layer, and an expert's gate, up and down matrices. */
  module: 'mlp' | 'block_sparse_moe'
}

export interface Layer {
  attention: Attention
  mlp: (Half & { part: LayerPart }) | { norms: { in: string }; experts: Experts }
  /** Both halves read the hidden states that the layer is given. */
  parallel?: boolean
}

export interface Page extends Pick<HeadSizes, 'heads' | 'kvHeads' | 'headDim'> {
  vocabulary: number
  /** Longest text, in tokens. */
  positions: number
  width: number
  /** Matrix of the embeddings; what names of a layer begin with before its number; last norm, if there is one; matrix of the logits. */
  names: { word: string; layers: string; norm: string | null; logits: string }
  /** The logits are made with the matrix of the embeddings. */
  tied: boolean
  /** Factor of the embeddings. */
  scale?: number
  /** Learned positions: a table of `positions` + `offset` rows, of which the first token has row `offset`. */
  learned?: { name: string; offset: number }
  /** Embeddings of another width than the layers', and the names of the matrices between them. */
  narrow?: { width: number; in: string; out: string }
  norm: Norm
  layers: Layer[]
  /** What is done with the logits. */
  logits?: (x: Tensor) => Tensor
  /** Added to the scores of every head and layer: [rows, heads, 1 or columns, past + columns] (ALiBi). */
  bias?(batch: Batch, cache?: Cache): Tensor
}

/** Names that most families have since Llama. */
export const NAMES: Page['names'] = {
  word: 'model.embed_tokens.weight',
  layers: 'model.layers.',
  norm: 'model.norm',
  logits: 'lm_head.weight',
}
export const PROJECTIONS = { q: 'self_attn.q_proj', k: 'self_attn.k_proj', v: 'self_attn.v_proj' }
export const OUT = 'self_attn.o_proj'
export const HEAD_NORMS = { q: 'self_attn.q_norm', k: 'self_attn.k_norm' }
