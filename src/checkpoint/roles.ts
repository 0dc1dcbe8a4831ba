// What a tensor does in its model, and the choice of tensors by patterns. `linear` follows from structure: every matrix, or batch
// of matrices, but embeddings, norms, routers and heads. Names (those of transformers' modules) tell these apart, and give the
// finer roles: the papers edit the matrices of the blocks, so a head (pooler, classifier, LM head) is none of them.
import { distance } from 'fastest-levenshtein'
import { nearest, UserError } from '../errors/index.js'
import { isStatistic } from '../naming/index.js'
import { isFloating } from './dtype.js'

export const ROLES = ['embedding', 'attention', 'mlp', 'router', 'norm', 'head', 'bias', 'other'] as const
export type Role = (typeof ROLES)[number]

const NORM = /(^|[._])(layer_?norm\w*|layrnorm|norm\d*|ln_?\w+|\w+_layer_?norm|\w+_layrnorm|\w+_norm)(\.|$)/i
const EMBEDDING =
  /embed(?!_out)|_emb(\.|$)|(^|\.)(wte|wpe|w|class_embedding|cls_token|mask_tokens?|iou_token|bias_values)(\.|$)|^(model\.)?shared\.|relative_(attention|position)_bias/i
/** A linear layer behind an embedding, which carries its name. */
const PROJECTION = /proj|mapping|transform|linear|dense/i
const ROUTER = /(^|\.)(router|\w+_router|\w*expert_gate)\./
const HEAD =
  /(^|\.)((?![qkv]_)(\w+_)?head|lm_heads|score|\w*classifier|qa_outputs|\w*pooler|cls|\w*predictions?|(visual|text|audio)_projection|embed_out|output_layer|vocab_\w+|lm_loss|pred_layer|sequence_summary|logits_proj)(\.|$)|^(decoder|projector|output|output_projection|proj_out)\.weight$/

/** First match wins: a norm inside an attention block is a norm, a bias of an attention matrix is a bias. */
const PATTERNS: readonly (readonly [Role, (name: string, shape: readonly number[]) => boolean])[] = [
  ['norm', (name, shape) => NORM.test(shape.length < 2 ? name : ownerOf(name))],
  // Tables of positions are called biases too.
  ['bias', (name) => /(^|[._])bias$/.test(name)],
  [
    'embedding',
    (name, shape) =>
      EMBEDDING.test(shape.length === 2 ? ownerOf(name) : name) &&
      !(shape.length === 2 && PROJECTION.test(ownerOf(name))),
  ],
  ['router', (name, shape) => ROUTER.test(name) || isGate(name, shape)],
  ['head', (name) => HEAD.test(name)],
  ['attention', (name) => /(^|\.)\w*(attn|attentions?)\.(?!.*layernorm)/i.test(name)],
  [
    'mlp',
    (name) =>
      /(^|\.)(mlp\w*|intermediate|feed_forward|ff|ffns?|ffn_\w+|fc\d+|DenseReluDense|\w*moe|\w*experts?|output)\./i.test(
        name,
      ),
  ],
]

/** The tensor with the module that holds it, without the numbers of a list: `embed_tokens.weight` of `model.embed_tokens.0.weight`. */
const ownerOf = (name: string): string =>
  name
    .split('.')
    .filter((part) => !/^\d+$/.test(part))
    .slice(-2)
    .join('.')

/** A `gate` with a row for each expert routes; that of a gated MLP has a row for each of its many inner channels. */
const isGate = (name: string, [rows, columns]: readonly number[]): boolean =>
  /(^|\.)gate\./.test(name) && (columns === undefined || rows! < columns)

/** The role of a tensor. A 1-D weight of an attention or MLP layer (a scale) is `other`. */
export function roleOf(name: string, shape: readonly number[]): Role {
  const role = PATTERNS.find(([, fits]) => fits(name, shape))?.[0] ?? 'other'
  return (role === 'attention' || role === 'mlp') && shape.length < 2 ? 'other' : role
}

/** Index of the layer that holds the tensor, null outside the layers. */
export function layerOf(name: string): number | null {
  const match = /(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\./.exec(name)
  return match ? Number(match[1]) : null
}

/** Roles of matrices that no `linear` means. */
const APART: readonly Role[] = ['embedding', 'router', 'norm', 'head', 'bias']

/**
 * Modules call their matrix `weight`; other parameters of two dimensions are tables and states (Mamba's `A_log`), but for those of
 * experts that are kept as one.
 */
const isWeight = (name: string): boolean => /(^|[._])weight$/.test(name) || ofExperts(name)
const ofExperts = (name: string): boolean => /(^|\.)\w*experts?\./.test(name)

/**
 * True for a batch of matrices [count, rows, columns], the experts of a layer in one tensor, and for that of their biases
 * [count, length]. A convolution kernel over one axis also has three dimensions, but is not a batch.
 */
export const isBatch = (name: string, shape: readonly number[]): boolean =>
  isBatchOfMatrices(name, shape) || (shape.length === 2 && ofExperts(name) && roleOf(name, shape) === 'bias')

function isBatchOfMatrices(name: string, shape: readonly number[]): boolean {
  return (
    shape.length === 3 &&
    shape[0]! > 1 &&
    shape[2]! > 1 &&
    isWeight(name) &&
    !/conv|sampl/i.test(name) &&
    !APART.includes(roleOf(name, shape))
  )
}

/** True for a matrix of any role, and for a batch of them. */
export const isMatrix = (name: string, shape: readonly number[]): boolean =>
  shape.length === 2 ? !isBatch(name, shape) : isBatchOfMatrices(name, shape)

/** The number of matrices, or vectors, of a batch; 1 of all else. */
export const matricesOf = ({ name, shape }: { name: string; shape: readonly number[] }): number =>
  isBatch(name, shape) ? shape[0]! : 1

/** True for the matrices, and batches of matrices, of a model's linear layers: no embedding, router, norm or head. */
export function isLinear(name: string, shape: readonly number[]): boolean {
  return (
    isBatchOfMatrices(name, shape) || (shape.length === 2 && isWeight(name) && !APART.includes(roleOf(name, shape)))
  )
}

/** Tensors of two or more dimensions that `linear` leaves out, counted by role; null where it leaves out none, or is not asked for. */
export function leftByLinear(
  tensors: Iterable<{ name: string; shape: readonly number[] }>,
  { include = [] }: Selection,
): string | null {
  if (!include.includes('linear')) return null
  const left = [...tensors]
    .filter(({ name, shape }) => shape.length > 1 && !isLinear(name, shape))
    .map(({ name, shape }) => roleOf(name, shape))
  if (!left.length) return null
  const counts = ROLES.filter((role) => left.includes(role)).map(
    (role) => `${left.filter((each) => each === role).length} ${role}`,
  )
  return `linear leaves out ${left.length} tensors of two or more dimensions: ${counts.join(', ')}`
}

/** Which tensors of a model are meant. */
export interface Selection {
  /** Patterns of the tensors to take; all floating tensors when empty, but for statistics of batch norms. */
  include?: readonly string[] | undefined
  /** Patterns of the tensors to leave out of those. */
  exclude?: readonly string[]
}

/**
 * Names of the selected floating tensors, in the given order. A pattern is a tensor name where `*` matches any characters,
 * `role:<role>`, or `linear`. Statistics of batch norms are no parameters, and an edited variance can be negative: a pattern must
 * include them. Throws a UserError for a pattern that matches nothing.
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
  const included = include.length ? matcher(include) : ({ name }: (typeof floating)[number]) => !isStatistic(name)
  const excluded = matcher(exclude)
  const names = floating.filter((tensor) => included(tensor) && !excluded(tensor)).map(({ name }) => name)
  if (!names.length)
    throw new UserError(
      `no tensor is left: include ${include.join(', ') || 'everything'}, exclude ${exclude.join(', ') || 'nothing'}`,
    )
  return names
}

/** Names that fit one of the patterns. Throws a UserError for a pattern that matches nothing. */
export function matchingNames(
  tensors: readonly { name: string; shape: readonly number[] }[],
  patterns: readonly string[],
): Set<string> {
  return new Set(
    patterns.length
      ? selectTensors(
          tensors.map(({ name, shape }) => ({ name, shape })),
          { include: patterns },
        )
      : [],
  )
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
    const near = nearest(role, ROLES)
    const hint = (ROLES as readonly string[]).includes(role)
      ? 'this model has no tensor of that role. '
      : near === undefined
        ? ''
        : `did you mean "role:${near}"? `
    return new UserError(`pattern ${JSON.stringify(pattern)} matches no tensor; ${hint}Roles: ${ROLES.join(', ')}`)
  }
  if (pattern === 'linear')
    return new UserError(
      'pattern "linear" matches no tensor; the model has no matrix but embeddings, routers, norms and heads',
    )
  const word = nearest(pattern, ['linear', ...ROLES])
  if (word !== undefined)
    return new UserError(
      `pattern ${JSON.stringify(pattern)} matches no tensor; did you mean "${word === 'linear' ? word : `role:${word}`}"?`,
    )
  const closest = [...new Set(names)].sort((a, b) => distance(pattern, a) - distance(pattern, b)).slice(0, 3)
  return new UserError(
    `pattern ${JSON.stringify(pattern)} matches no tensor; nearest names: ${closest.join(', ')} (* matches any characters)`,
  )
}
