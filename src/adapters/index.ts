// Kinds of adapters of peft besides LoRA: what their files hold, and what they make of a weight. Seen with peft 0.21.
import { dora, ENTRIES } from './entries.js'
import { LOW_RANK } from './low-rank.js'
import type { AdapterKind } from './module.js'
import { TURNS } from './turns.js'
import { vblora } from './vblora.js'

export { transpose } from './matrix.js'
export { MLX_KINDS } from './mlx.js'
export type { AdapterKind, AdapterModule, AdapterPart, ModuleEdit, ReadBaseRows } from './module.js'
export { pattern, patternValue, pythonRegex } from './patterns.js'

const KINDS = new Map([...LOW_RANK, vblora, ...TURNS, ...ENTRIES].map((kind) => [kind.type, kind]))

/** Kinds whose tensors are those of the model, whole or some of their rows. */
const WHOLE = ['LN_TUNING', 'TRAINABLE_TOKENS']

/** The kind of an adapter; null for plain LoRA and for kinds that store tensors of the model, which have no parts of their own. */
export function adapterKindOf(type: string, isDora: boolean): AdapterKind | null | undefined {
  if (type === 'LORA') return isDora ? dora : null
  return WHOLE.includes(type) ? null : KINDS.get(type)
}

/** Every `peft_type` that is read. */
export const TYPES_READ = ['LORA', ...WHOLE, ...KINDS.keys()]

/** The kinds that have a tensor whose name ends so. */
export const typesWith = (name: string): string[] =>
  [...[...KINDS.values()], dora]
    .filter(({ parts }) => new RegExp(`\\.(?:${parts.join('|')})$`).test(name))
    .map(({ type }) => type)
