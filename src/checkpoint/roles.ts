// What a tensor does in its model, told by the naming patterns of transformers (Llama/Qwen/Mistral, GPT-2, BERT/RoBERTa,
// ViT, CLIP), and the choice of tensors by patterns: "linear" in the papers is the matrices of attention and MLP.
import { closest, distance } from 'fastest-levenshtein'
import { UserError } from '../errors/index.js'
import { isFloating } from './dtype.js'

export const ROLES = ['embedding', 'attention', 'mlp', 'norm', 'head', 'bias', 'other'] as const
export type Role = (typeof ROLES)[number]

/** First match wins: a norm inside an attention block is a norm, a bias of an attention matrix is a bias. */
const PATTERNS: readonly (readonly [Role, RegExp])[] = [
  ['norm', /(^|[._])(layer_?norm\w*|layrnorm|norm\d*|ln_?\w+|\w+_layer_?norm|\w+_layrnorm|\w+_norm)(\.|$)/i],
  ['bias', /(^|[._])bias$/],
  ['embedding', /embed|(^|\.)(wte|wpe|class_embedding|cls_token|mask_token)(\.|$)/i],
  ['head', /(^|\.)(lm_head|score|classifier|qa_outputs|pooler|cls|visual_projection|text_projection)(\.|$)/],
  ['attention', /(^|\.)(\w*attn|attention|\w*attention)\.(?!.*layernorm)/i],
  ['mlp', /(^|\.)(mlp|intermediate|feed_forward|ffn|output)\./],
]

/** The role of a tensor. A 1-D weight of an attention or MLP layer (a scale) is `other`. */
export function roleOf(name: string, shape: readonly number[]): Role {
  const role = PATTERNS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other'
  return (role === 'attention' || role === 'mlp') && shape.length < 2 ? 'other' : role
}

/** Index of the layer that holds the tensor, null outside the layers. */
export function layerOf(name: string): number | null {
  const match = /(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\./.exec(name)
  return match ? Number(match[1]) : null
}

/** True for the 2-D matrices of attention and MLP layers. */
export function isLinear(name: string, shape: readonly number[]): boolean {
  const role = roleOf(name, shape)
  return shape.length === 2 && (role === 'attention' || role === 'mlp')
}

export interface Selection {
  /** Patterns of the tensors to take; all floating tensors when empty. */
  include?: readonly string[]
  /** Patterns of the tensors to leave out of those. */
  exclude?: readonly string[]
}

/**
 * Names of the selected floating tensors, in the given order. A pattern is a tensor name where `*` stands for any characters,
 * `role:<role>`, or `linear`. Throws a UserError for a pattern that matches nothing.
 */
export function selectTensors(
  tensors: Iterable<{ name: string; shape: readonly number[]; dtype?: string }>,
  { include = [], exclude = [] }: Selection,
): string[] {
  const floating = [...tensors].filter(({ dtype }) => dtype === undefined || isFloating(dtype))
  const matcher = (patterns: readonly string[]): ((tensor: (typeof floating)[number]) => boolean) => {
    const tests = patterns.map((pattern) => {
      const test = testOf(pattern)
      if (!floating.some(test))
        throw matchesNothing(
          pattern,
          floating.map(({ name }) => name),
        )
      return test
    })
    return (tensor) => tests.some((test) => test(tensor))
  }
  const included = include.length ? matcher(include) : () => true
  const excluded = matcher(exclude)
  const names = floating.filter((tensor) => included(tensor) && !excluded(tensor)).map(({ name }) => name)
  if (!names.length)
    throw new UserError(`no tensor is left: include ${include.join(', ') || 'everything'}, exclude ${exclude.join(', ') || 'nothing'}`)
  return names
}

/** Names that fit one of the patterns. Throws a UserError for a pattern that matches nothing. */
export function matchingNames(tensors: readonly { name: string; shape: readonly number[] }[], patterns: readonly string[]): Set<string> {
  return new Set(patterns.length ? selectTensors(tensors.map(({ name, shape }) => ({ name, shape })), { include: patterns }) : [])
}

function testOf(pattern: string): (tensor: { name: string; shape: readonly number[] }) => boolean {
  if (pattern === 'linear') return ({ name, shape }) => isLinear(name, shape)
  if (pattern.startsWith('role:')) return ({ name, shape }) => roleOf(name, shape) === pattern.slice(5)
  const glob = new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  )
  return ({ name }) => glob.test(name)
}

function matchesNothing(pattern: string, names: readonly string[]): UserError {
  if (pattern.startsWith('role:')) {
    const role = pattern.slice(5)
    const hint = (ROLES as readonly string[]).includes(role)
      ? 'this model has no tensor of that role'
      : `did you mean "role:${closest(role, ROLES)}"?`
    return new UserError(`pattern ${JSON.stringify(pattern)} matches no tensor; ${hint} Roles: ${ROLES.join(', ')}`)
  }
  if (pattern === 'linear')
    return new UserError('pattern "linear" matches no tensor; the model has no 2-D attention or MLP matrix with a known name')
  const nearest = [...new Set(names)].sort((a, b) => distance(pattern, a) - distance(pattern, b)).slice(0, 3)
  return new UserError(
    `pattern ${JSON.stringify(pattern)} matches no tensor; nearest names: ${nearest.join(', ')} (* stands for any characters)`,
  )
}
