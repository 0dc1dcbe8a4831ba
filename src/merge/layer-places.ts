// What a model has at some places of its stack of layers alone: what stays with the place, and what keeps a layer at it.
import { type Checkpoint, layerOf } from '../checkpoint/index.js'
import { UserError } from '../errors/index.js'
import type { NamedConfig } from '../naming/index.js'
import type { Origin } from './layer-config.js'

/** Parameters of all layers that the first one holds: the positions of T5, Pix2Struct and WavLM, what RWKV does before it. UMT5 has them in each. */
const OF_ALL = /\.(relative_attention_bias|rel_attn_embed)\.weight$|^(rwkv\.)?blocks\.0\.pre_ln\./

/** Whether the tensor stays with the first layer of a model, whichever layer that is. */
export const staysFirst = (name: string, config: NamedConfig): boolean =>
  layerOf(name) === 0 && OF_ALL.test(name) && config?.model_type !== 'umt5'

/** What every further layer of a stack has and the first lacks, which has nothing of its own: ModernBERT has no norm before its first attention. */
function lackingFirst(names: Iterable<string>): string | undefined {
  const stacks = new Map<string, Set<string>[]>()
  for (const name of names) {
    const layer = layerOf(name)
    if (layer === null) continue
    const [prefix, leaf] = name.split(`.${layer}.`) as [string, string]
    const stack = stacks.get(prefix) ?? []
    stacks.set(prefix, stack)
    stack[layer] ??= new Set()
    stack[layer].add(leaf)
  }
  for (const [first, ...others] of stacks.values()) {
    // Of two layers nothing says which is the unusual one.
    if (!first || others.length < 2) continue
    const shared = [...(others[0] ?? [])].filter((leaf) => others.every((each) => each?.has(leaf)))
    const lacking = shared.find((leaf) => !first.has(leaf))
    if (lacking !== undefined && [...first].every((leaf) => shared.includes(leaf))) return lacking
  }
  return undefined
}

/** @throws UserError for a layer at a place where its class has a tensor that it lacks */
export function checkPlaces({ tensors }: Checkpoint, origins: readonly Origin[]): void {
  const place = origins.findIndex(({ layer }, i) => (layer === 0) !== (i === 0))
  const lacking = place < 0 ? undefined : lackingFirst(tensors.keys())
  if (lacking === undefined) return
  const { layer, label } = origins[place]!
  throw new UserError(
    `layer ${place} of the result is layer ${layer} of ${label}; the first layer of such a model has no ${lacking}, which all others have: let the first layer, and no other, be a layer 0`,
  )
}
