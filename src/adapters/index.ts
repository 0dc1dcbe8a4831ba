// Kinds of adapters of peft besides LoRA: what their files hold, and what they make of a weight. Seen with peft 0.21.
import { ENTRIES } from './entries.js'
import { FEW } from './few.js'
import { lora } from './lora.js'
import { LOW_RANK } from './low-rank.js'
import { type AdapterKind, partPattern } from './module.js'
import { OF_BASE } from './of-base.js'
import { RANDOM } from './random.js'
import { SPARSE } from './sparse.js'
import { TURNS } from './turns.js'
import { vblora } from './vblora.js'
import { waveft } from './wavelet.js'

export { LITE_TYPE, PARAMETER_LITE } from './lite-entry.js'
export { loraScale, loraScales } from './lora-scale.js'
export { transpose } from './matrix.js'
export { MLX_KINDS } from './mlx.js'
export {
  type AdapterKind,
  type AdapterPart,
  type ModuleEdit,
  type ModuleShape,
  partPattern,
  partSource,
} from './module.js'
export {
  isLite,
  LITE_NAMES,
  liteSchema,
  liteShapes,
  liteStart,
  liteTokens,
  type ParameterLite,
} from './parameter-lite.js'
export { patternValue } from './patterns.js'

const KINDS = new Map(
  [...LOW_RANK, ...RANDOM, ...FEW, vblora, waveft, ...TURNS, ...ENTRIES, ...SPARSE, ...OF_BASE].map((kind) => [
    kind.type,
    kind,
  ]),
)

/** Kinds whose tensors are those of the model, whole or some of their rows. */
const WHOLE = ['LN_TUNING', 'TRAINABLE_TOKENS']

/** The kind of an adapter; null for plain LoRA and for kinds that store tensors of the model, which have no parts of their own. */
export function adapterKindOf(type: string, isPlainLora = true): AdapterKind | null | undefined {
  if (type === 'LORA') return isPlainLora ? null : lora
  return WHOLE.includes(type) ? null : KINDS.get(type)
}

/** Every `peft_type` that is read. */
export const TYPES_READ = ['LORA', ...WHOLE, ...KINDS.keys()]

/** Parts of a variant of LoRA alone. */
const VARIANT: Readonly<Record<string, string>> = {
  lora_magnitude_vector: 'LORA with use_dora',
  lora_diag: 'LORA with kasa_config',
}

/** The kinds that have a tensor whose name ends so. */
export const typesWith = (name: string): string[] => [
  ...[...KINDS.values()].filter(({ parts }) => partPattern('.*\\.', parts).test(name)).map(({ type }) => type),
  ...(VARIANT[name.slice(name.lastIndexOf('.') + 1)] ? [VARIANT[name.slice(name.lastIndexOf('.') + 1)]!] : []),
]
