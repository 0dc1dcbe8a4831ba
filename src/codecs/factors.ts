// The low-rank stored form, as a LoRA adapter holds it: delta = B A.
import type { Svd } from '../tensor/index.js'

export interface Factors {
  shape: readonly [rows: number, columns: number]
  /** [rank, columns], row-major: PEFT's lora_A. */
  a: Float32Array
  /** [rows, rank], row-major: PEFT's lora_B. With lora_alpha = rank its scale is 1. */
  b: Float32Array
}

/**
 * The leading triplets as factors. Distributed: A = sqrt(S) Vᵀ, B = U sqrt(S), as mergekit extracts adapters; else A = S Vᵀ,
 * B = U. Triplets whose singular value is at most `threshold` (absolute, as in mergekit) are left out.
 */
export function factorsOf(
  { rows, columns, s, ut, vt }: Svd,
  rank: number,
  { distributed = true, threshold = 0 } = {},
): Factors {
  const kept = Math.min(rank, s.filter((value) => value > threshold).length)
  const [a, b] = [new Float32Array(kept * columns), new Float32Array(rows * kept)]
  for (let k = 0; k < kept; k++) {
    const [right, left] = distributed ? [Math.sqrt(s[k]!), Math.sqrt(s[k]!)] : [s[k]!, 1]
    for (let j = 0; j < columns; j++) a[k * columns + j] = right * vt[k * columns + j]!
    for (let i = 0; i < rows; i++) b[i * kept + k] = ut[k * rows + i]! * left
  }
  return { shape: [rows, columns], a, b }
}
