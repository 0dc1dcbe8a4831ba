// The mixture of experts in place of a layer's MLP, as Mixtral, Qwen2-MoE and Qwen3-MoE have it: a router sends each token to a few
// gated MLPs, whose outputs are added up by their shares; Qwen2-MoE adds one that all tokens go through, with a gate of its own.
// Files hold the experts one by one (transformers writes them so) or fused, as transformers 5 has them in memory.
import { EXPERT_PARTS } from '../naming/index.js'
import { sigmoid, type Tensor, type Tensor2D, tf } from '../tensor/index.js'
import { gateBy } from './activations.js'
import type { Experts } from './decoder-page.js'
import { filledGroups, groupedProduct } from './grouped.js'
import { linear, plus } from './layers.js'
import type { Block, Inputs, Weights } from './model.js'
import { addRows, type Routes, readsAtOnce, routeTokens, takeRows } from './routing.js'
import type { Shapes } from './shapes.js'
import { show } from './watch.js'

/** The two names of Mixtral's and Qwen's matrices, gate and up (in the order in which they are fused), and down. */
const NAMES = { mlp: 0, block_sparse_moe: 1 }

/** A weight of every expert: fused in one tensor, or one tensor each. */
interface Bank {
  outputs: number
  inputs: number
  /** The tensor's name where it is fused. */
  fused: string | null
  /** The names of its parts (gate and up lie one above the other), without an end: of expert e. */
  parts: ((e: number) => string)[]
}

/** Gate and up, and down. */
type Banks = readonly [Bank, Bank]

/** What a layer's experts are stored as. @param has whether the file has a tensor of this name */
function banksOf({ width, inner, module }: Experts, at: string, holds: (name: string) => boolean): Banks {
  const bank = (leaf: keyof typeof EXPERT_PARTS, outputs: number, inputs: number): Bank => {
    const fused = `${at}mlp.experts.${leaf}`
    const parts = EXPERT_PARTS[leaf][NAMES[module]]!.map((part) => (e: number) => `${at}${module}.experts.${e}.${part}`)
    return { outputs, inputs, fused: holds(fused) ? fused : null, parts }
  }
  return [bank('gate_up_proj', 2 * inner, width), bank('down_proj', width, inner)]
}

/** Declares the tensors of a layer's experts. */
function declare(book: Shapes, experts: Experts, at: string, banks: Banks): void {
  const { count, width, module } = experts
  book.affine(`${at}${module}.gate`, [count, width], false)
  for (const { fused, parts, outputs, inputs } of banks) {
    if (fused) book.batch(fused, [count, outputs, inputs])
    else
      for (let e = 0; e < count; e++)
        for (const part of parts) book.matrix(part(e), [outputs / parts.length, inputs], false)
  }
}

/** The same values; their gradient with respect to tensors that they do not depend on is 0, and not missing. */
function beside(values: Tensor, others: readonly Tensor[]): Tensor {
  if (!others.length) return values
  return tf.customGrad((...given) => {
    const save = given.pop() as unknown as (tensors: Tensor[]) => void
    const [first, ...rest] = given as Tensor[]
    save(rest)
    return {
      value: first!.clone(),
      gradFunc: (dy: Tensor, saved: Tensor[]) => [dy, ...saved.map((each) => tf.zerosLike(each))],
    }
  })(values, ...others)
}

/** The rows of each expert, times its matrix of this bank: what lies one above the other in a fused tensor, side by side. */
function project(
  x: Tensor,
  weights: Weights,
  { fused, parts }: Bank,
  { sizes, tokens, dense, from }: Routes,
): Tensor[] {
  if (fused) {
    const products = groupedProduct(x, weights[fused]!, sizes)
    return parts.length === 1 ? [products] : tf.split(products, parts.length, 1)
  }
  const groups = filledGroups(sizes)
  const lengths = groups.map(({ size }) => size)
  // A split in one piece has no derivative in TensorFlow.js.
  const rows = groups.length === 1 ? [x] : tf.split(x, lengths, 0)
  return parts.map((part) => {
    const products = groups.map(({ group, at, size }, i) => {
      const name = `${part(from + group)}.weight`
      if (!dense) show(weights, name, rows[i]!, tokens.subarray(at, at + size))
      return tf.matMul(rows[i] as Tensor2D, weights[name] as Tensor2D, false, true)
    })
    const idle = sizes.flatMap((size, i) => (size ? [] : [weights[`${part(from + i)}.weight`]!]))
    return beside(products.length === 1 ? products[0]! : tf.concat(products, 0), idle)
  })
}

/** The banks' experts on their rows, weighed and added up: [tokens, width]. */
function mix(
  x: Tensor,
  weights: Weights,
  { banks, activation }: Pick<Experts, 'activation'> & { banks: Banks },
  routes: Routes,
): Tensor {
  const [gate, up] = project(takeRows(x, routes.tokens), weights, banks[0], routes)
  const [down] = project(gateBy(activation, gate!, up!), weights, banks[1], routes)
  return addRows(down!.mul(routes.weights), routes.tokens, x.shape[0]!)
}

/** Declares the MLP of all tokens and its gate, and gives what it adds. */
function sharedPart(book: Shapes, { shared, width }: Experts, own: string) {
  if (!shared) return null
  const output = shared(book, own)
  book.affine(`${own}shared_expert_gate`, [1, width], false)
  return (x: Tensor, weights: Weights, inputs: Inputs): Tensor =>
    sigmoid(linear(x, weights, `${own}shared_expert_gate`)).mul(output(x, weights, inputs))
}

/** Where a layer's experts are, and how they are spelled. */
interface Place {
  /** Of the block. */
  name: string
  /** What names of the layer begin with. */
  at: string
  /** Whether the file has a tensor of this name. */
  holds(name: string): boolean
  /** The norm before the experts. */
  norm: { name: string; apply(x: Tensor, weights: Weights): Tensor }
}

/** The weights of one expert each, with its number. */
function singlesOf({ count }: Experts, banks: Banks): Map<string, number> {
  const single = new Map<string, number>()
  for (const { fused, parts } of banks)
    for (let e = 0; e < count && !fused; e++) for (const part of parts) single.set(`${part(e)}.weight`, e)
  return single
}

/**
 * Declares a layer's experts, and gives the block from the norm before them to the sum after them. The experts may come in parts,
 * which add up; what comes with the first of them are the hidden states and the shared expert.
 */
export function expertsBlock(book: Shapes, experts: Experts, { name, at, holds, norm }: Place): Block {
  const own = `${at}${experts.module}.`
  const banks = banksOf(experts, at, holds)
  declare(book, experts, at, banks)
  const shared = sharedPart(book, experts, own)
  const weights = [...new Set([...book.under(`${norm.name}.`), ...book.under(own), ...book.under(`${at}mlp.experts.`)])]
  const fused = banks.flatMap((bank) => bank.fused ?? [])
  /** The expert behind the last that is held. */
  const endOf = (held: Weights, from: number): number => {
    if (fused.length) return from + held[fused[0]!]!.shape[0]!
    const end = Array.from({ length: experts.count }, (_, e) => e).find(
      (e) => e >= from && !held[`${banks[0].parts[0]!(e)}.weight`],
    )
    return end ?? experts.count
  }
  return {
    name,
    weights,
    split: {
      join: 'sum',
      units: experts.count,
      weights: fused,
      single: singlesOf(experts, banks),
      first: book.under(`${own}shared_expert`),
      passed: () => (readsAtOnce() ? experts.routing.top : experts.count),
    },
    apply(held, hidden, inputs, from) {
      const x = norm.apply(hidden!, held)
      const routes = routeTokens(linear(x, held, `${own}gate`), experts.routing, from, endOf(held, from))
      const mixed = routes
        ? mix(x, held, { banks, activation: experts.activation }, routes)
        : beside(tf.zerosLike(hidden!), [hidden!, ...weights.flatMap((name) => held[name] ?? [])])
      if (from > 0) return mixed
      return plus(hidden!, shared ? plus(mixed, shared(x, held, inputs)) : mixed)
    },
  }
}
