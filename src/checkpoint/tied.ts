// Tied weights: an output matrix that is the input embedding. Most files leave the copy out; some store it.
import type { Checkpoint } from './checkpoint.js'

/** Output tensors that transformers ties, with the names their embedding may have. */
const TIES: readonly (readonly [copy: RegExp, sources: RegExp])[] = [
  [/(^|\.)lm_head(\.decoder)?\.weight$/, /(^|\.)(embed_tokens|wte|word_embeddings|token_embedding)\.weight$/],
  [/(^|\.)cls\.predictions\.decoder\.weight$/, /(^|\.)word_embeddings\.weight$/],
  [/(^|\.)cls\.predictions\.decoder\.bias$/, /(^|\.)cls\.predictions\.bias$/],
  [/(^|\.)lm_head\.decoder\.bias$/, /(^|\.)lm_head\.bias$/],
]

/** True when a missing tensor of this name is what a tied model's file looks like. */
export function mayBeTied(name: string, checkpoint: Checkpoint): boolean {
  return checkpoint.config?.tie_word_embeddings !== false && sourceOf(name, checkpoint) !== null
}

/**
 * Stored copies → the tensor they copy. A copy counts only when it is bit for bit the same and the config does not say
 * `tie_word_embeddings: false`; these (few) tensors are the only ones read.
 */
export async function findTied(checkpoint: Checkpoint): Promise<Map<string, string>> {
  const tied = new Map<string, string>()
  if (checkpoint.config?.tie_word_embeddings === false) return tied
  for (const name of checkpoint.tensors.keys()) {
    const source = sourceOf(name, checkpoint)
    if (source === null) continue
    const [a, b] = [checkpoint.tensors.get(name)!, checkpoint.tensors.get(source)!]
    if (a.dtype !== b.dtype || String(a.shape) !== String(b.shape)) continue
    if (Buffer.compare(await checkpoint.readBytes(name), await checkpoint.readBytes(source)) === 0) tied.set(name, source)
  }
  return tied
}

function sourceOf(name: string, checkpoint: Checkpoint): string | null {
  for (const [copy, sources] of TIES) {
    if (!copy.test(name)) continue
    for (const candidate of checkpoint.tensors.keys()) if (candidate !== name && sources.test(candidate)) return candidate
  }
  return null
}
