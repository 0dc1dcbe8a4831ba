// Names of tied weights: output matrices, the embeddings that they are, and where transformers' classes keep both.
import { memoryName } from '../naming/index.js'
import { type Checkpoint, classNameOf } from './checkpoint.js'

/** Output matrices, by the names that transformers' classes give them. */
const OUTPUT =
  /(^|\.)(lm_head(\.decoder|\.out_proj)?|(cls\.)?predictions\.decoder|embed_out|vocab_projector|generator_lm_head|output_projection|pred_layer\.proj|lm_loss|mlm_score\.decoder)\.weight$|^(decoder|proj_out)\.weight$/
/** Embeddings of words. */
export const EMBEDDING =
  /(^|\.)(shared|embed_tokens|wte|word_embeddings?|token_embedding|embed_in|tok_embeddings|tokens_embed|(backbone|transformer)\.embeddings|transformer\.w)\.weight$/
/** The two embeddings of an encoder-decoder, which are copies of `shared`. */
const SIDE = /(^|\.)(en|de)coder\.embed_tokens\.weight$/
export const SHARED = /(^|\.)shared\.weight$/
/** The decoder of a head for masked tokens, whose bias is tied too. */
export const DECODER = /((?:^|\.)(?:lm_head|(?:cls\.)?predictions))\.decoder\.(weight|bias)$/

/** Parts that two names have in common from the start. */
function kinship(one: string, two: string): number {
  const [a, b] = [one.split('.'), two.split('.')]
  const end = a.findIndex((part, i) => part !== b[i])
  return end < 0 ? a.length : end
}

/** The tensor that one of this name is tied to, if it is an output; of several embeddings the nearest, and `shared` before others. */
export function tieSource(name: string, stored: Iterable<string>): string | null {
  if (DECODER.test(name) && name.endsWith('.bias')) {
    const bias = name.replace(DECODER, '$1.bias')
    return [...stored].includes(bias) ? bias : null
  }
  const wanted = SIDE.test(name) ? SHARED : OUTPUT.test(name) ? EMBEDDING : null
  if (!wanted) return null
  const rank = (each: string): number => 2 * kinship(name, each) + (SHARED.test(each) ? 1 : 0)
  const found = [...stored].filter((each) => each !== name && wanted.test(each)).sort((a, b) => rank(b) - rank(a))
  return found[0] ?? null
}

/** The name under which the class has what the file holds under an output's name only, by the names of its layers. */
export function tiedName(output: string, stored: readonly string[]): string | null {
  if (!isOutput(output)) return null
  if (DECODER.test(output) && output.endsWith('.bias')) return output.replace(DECODER, '$1.bias')
  const first = (pattern: RegExp): string | undefined =>
    stored.map((name) => pattern.exec(name)?.[1]).find((prefix) => prefix !== undefined)
  const encoder = first(/^((?:\w+\.)?)encoder\.(?:block|layers)\./)
  // An encoder of speech or pictures has no embedding, or one of its own.
  const listens = stored.some((name) => /(^|\.)encoder\.(conv|subsampling|neck|vision_tower)/.test(name))
  if (encoder !== undefined && !listens && stored.some((name) => name.startsWith(`${encoder}decoder.`)))
    return `${encoder}shared.weight`
  if (!OUTPUT.test(output)) return null
  const homes: readonly (readonly [RegExp, string])[] = [
    [/^((?:\w+\.)?)layers\.\d+\.attn\.Wqkv\./, 'embeddings.tok_embeddings'],
    [/^(gpt_neox(?:_japanese)?\.)layers\./, 'embed_in'],
    [/^(backbone\.)layers\./, 'embeddings'],
    [/^((?:\w+\.)?decoder\.)layers\./, 'embed_tokens'],
    [/^((?:(?!\w*(?:vision|visual|audio)|encoder\.)\w+\.)*)layers\.\d/, 'embed_tokens'],
    [/^((?:\w+\.)?)h\.\d+\.self_attention\./, 'word_embeddings'],
    [/^((?:\w+\.)?)positions_embed\./, 'tokens_embed'],
    [/^((?:\w+\.)?)h\.\d/, 'wte'],
    [/^((?:\w+\.)?embeddings\.)/, 'word_embeddings'],
  ]
  for (const [pattern, leaf] of homes) {
    const prefix = first(pattern)
    if (prefix !== undefined) return `${prefix}${leaf}.weight`
  }
  return null
}

/**
 * Whether the class may have a tensor under this name alone, where others would tie it: GTE, and perhaps a model with code of its own,
 * has the bias in its decoder; the units of SeamlessM4T have no `shared`.
 */
export function keepsName(name: string, config: Checkpoint['config']): boolean {
  const type = String(config?.model_type)
  return name.endsWith('.bias')
    ? type === 'gte' || config?.auto_map !== undefined
    : type.startsWith('seamless_m4t') && SIDE.test(name)
}

/** Whether a tensor of this name may be tied to another. */
export const isOutput = (name: string): boolean =>
  OUTPUT.test(name) || SIDE.test(name) || (DECODER.test(name) && name.endsWith('.bias'))

/** Outputs that the names of other tensors do not tell, by model_type. */
const OUTPUTS: readonly (readonly [RegExp, string])[] = [
  [/^(biogpt|trocr)$/, 'output_projection'],
  [/^xlnet$/, 'lm_loss'],
  [/^(xlm|flaubert)$/, 'pred_layer.proj'],
  [/^gpt_neox_japanese$/, 'embed_out'],
  [/^modernbert-decoder$/, 'decoder'],
  [/^whisper$/, 'proj_out'],
  [/^t5gemma2?$/, 'lm_head.out_proj'],
  [/^bert-generation$/, 'lm_head.decoder'],
]

/** Names of classes with an output matrix of words. */
export const SPEAKS =
  /(CausalLM|MaskedLM|ForConditionalGeneration|ForPreTraining|MTModel|DoubleHeadsModel|GenerationDecoder)$|LMHead/

/** The place of a weight among those that are tied to one another, in the order of the modules in their class. */
export const tieOrder = (name: string): number =>
  OUTPUT.test(name) ? 3 : SIDE.test(name) ? (/decoder\.embed_tokens/.test(name) ? 2 : 1) : 0

/** The output matrix of a model whose file holds only what it is tied to; null for a class without one. */
export function outputOf({ config, tensors }: Checkpoint): string | null {
  const names = [...tensors.keys()]
  if (!SPEAKS.test(classNameOf(config))) return null
  const [stored] = names.filter((name) => OUTPUT.test(name))
  if (stored !== undefined) return stored
  const homes: readonly (readonly [RegExp, string])[] = [
    [/^((?:cls\.)?predictions)\./, '$1.decoder'],
    [/^(lm_head)\.(dense|layer_norm)/, '$1.decoder'],
    [/^vocab_transform\./, 'vocab_projector'],
    [/^generator_predictions\./, 'generator_lm_head'],
    [/^head\.dense\./, 'decoder'],
    [/^((?:language|text)_model)\.model\./, '$1.lm_head'],
  ]
  const ofType = OUTPUTS.find(([types]) => types.test(String(config?.model_type)))
  if (ofType) return `${ofType[1]}.weight`
  for (const [pattern, module] of homes) {
    const found = names.map((name) => pattern.exec(name)).find((match) => match !== null)
    const output = found && `${module.replace('$1', found[1] ?? '')}.weight`
    // Some models with towers have their output at the top, whatever their files say.
    if (output) return memoryName(output, config).replace(/^model\./, '')
  }
  return 'lm_head.weight'
}
