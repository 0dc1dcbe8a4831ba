// A base and its post-trained model, matched tensor by tensor from the headers alone, before a weight is read.
import { firstFew, UserError } from '../errors/index.js'
import { isBuffer, isPassedOver } from '../naming/index.js'
import type { Checkpoint } from './checkpoint.js'
import { isFloating } from './dtype.js'
import { matchingNames } from './roles.js'
import { agreeOnNames } from './spellings.js'
import { agreeOnTies } from './tied.js'

/** A base and its post-trained model, matched tensor by tensor. */
export interface Pair {
  /** The base model, opened. */
  base: Checkpoint
  /** The post-trained model, opened. */
  post: Checkpoint
  /** Floating tensors that both hold with the same shape, tied copies and computed buffers left out; in the order of the post-trained model. */
  names: string[]
  /** Stored copies of tied weights in the post-trained model → the tensor they copy. */
  tied: ReadonlyMap<string, string>
  /** What does not match, one phrase per tensor: with `ignoreUnmatched`, and what an adapter brings of its own. */
  unmatched: string[]
  /** Tensors whose stored formats differ; they are compared as float32. */
  dtypes: {
    /** Name of the tensor. */
    name: string
    /** Its format in the base, as safetensors names it. */
    base: string
    /** Its format in the post-trained model. */
    post: string
  }[]
}

/** An error names at most this many tensors of each kind. */
const NAMED = 4

export interface PairOptions {
  ignoreUnmatched?: boolean | undefined
  /** Patterns of the tensors that belong to a task: they have no partner and no delta, whatever the other side holds. */
  head?: readonly string[] | undefined
}

/**
 * Base and post-trained model, which agree on what is tied as openModels makes them.
 * @throws UserError that lists every tensor without a partner, or with another shape
 */
export async function pairCheckpoints(
  one: Checkpoint,
  two: Checkpoint,
  { ignoreUnmatched = false, head = [] }: PairOptions = {},
): Promise<Pair> {
  const [base, post] = await agreeOnTies(agreeOnNames([one, two], 1))
  const { tied } = post
  const inHead = matchingNames([...base.tensors.values(), ...post.tensors.values()], head)
  for (const name of post.apart ?? []) inHead.add(name)
  const names: string[] = []
  const shapes: string[] = []
  const missing = { base: [] as string[], post: [] as string[] }
  const dtypes: Pair['dtypes'] = []
  for (const entry of post.tensors.values()) {
    if (inHead.has(entry.name) || tied.has(entry.name) || isBuffer(entry.name, entry.shape)) continue
    const partner = base.tensors.get(entry.name)
    if (!partner) {
      if (!isPassedOver(entry.name, post.config)) missing.base.push(entry.name)
    } else if (String(partner.shape) !== String(entry.shape)) {
      shapes.push(`${entry.name} [${partner.shape.join(', ')}] in base, [${entry.shape.join(', ')}] in post`)
    } else if (isFloating(entry.dtype) !== isFloating(partner.dtype)) {
      shapes.push(`${entry.name} ${partner.dtype} in base, ${entry.dtype} in post`)
    } else if (isFloating(entry.dtype)) {
      names.push(entry.name)
      if (entry.dtype !== partner.dtype) dtypes.push({ name: entry.name, base: partner.dtype, post: entry.dtype })
    }
  }
  for (const { name, shape } of base.tensors.values())
    if (!inHead.has(name) && !post.tensors.has(name) && !base.tied.has(name))
      if (!isBuffer(name, shape) && !isPassedOver(name, base.config)) missing.post.push(name)

  const kinds = [
    ['only in post', missing.base],
    ['only in base', missing.post],
    ['of another shape or kind', shapes],
  ] as const
  const count = shapes.length + missing.base.length + missing.post.length
  if (count && !ignoreUnmatched) {
    const lists = kinds
      .filter(([, list]) => list.length)
      .map(([kind, list]) => `${list.length} ${kind}: ${firstFew(list, NAMED)}`)
    throw new UserError(
      `${base.folder} and ${post.folder}: ${count === 1 ? '1 tensor does' : `${count} tensors do`} not match (--ignore-unmatched, in YAML ignore_unmatched: true, leaves them out); ${lists.join('; ')}`,
    )
  }
  const unmatched = [
    ...kinds.flatMap(([kind, list]) => list.map((text) => `${text} (${kind})`)),
    ...[...(post.apart ?? [])].map(
      (name) =>
        `${name} (${post.tensors.has(name) ? (base.tensors.has(name) ? 'of another shape or kind' : 'only in post') : 'only in base'})`,
    ),
  ]
  if (!names.length) throw new UserError(`${base.folder} and ${post.folder} have no floating tensor in common`)
  return { base, post, names, tied, unmatched, dtypes }
}
