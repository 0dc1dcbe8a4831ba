// A calibration in words.
import type { DarexResult, ScalesResult } from './run.js'

export function describeDarex({ q, tried, check }: DarexResult, dropRate: number): string {
  const plain = Number((1 - dropRate).toPrecision(6))
  const losses = `loss ${check.darex.toFixed(4)}, of DARE ${check.dare.toFixed(4)} nats per token`
  return `q = ${q} (1 - p = ${plain}) after ${tried.length} losses; on as many other items: ${losses}`
}

export function describeScales({ matrices, errors, check, bytes, dense_bytes }: ScalesResult): string {
  const difference = `${errors[0]!.toPrecision(4)} → ${errors.at(-1)!.toPrecision(4)}`
  const losses = `loss ${check.distilled.toFixed(4)}, of BitDelta ${check.bitdelta.toFixed(4)}, post-trained ${check.post.toFixed(4)}`
  return (
    `${matrices} matrices: squared logit difference ${difference}; on as many other items: ${losses} nats per token; ` +
    `${bytes} bytes of signs and scales for ${dense_bytes} in 16 bits`
  )
}
