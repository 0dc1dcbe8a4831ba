// The comparison of a base with a model in the format of nearly all checkpoints: on the bytes as they are stored, none of which is decoded.
import { openComparison, SUMS } from './comparison.js'
import type { PassInputs } from './input.js'
import type { PassNeeds, PassSource, TensorPass } from './pass.js'
import type { StepParts, Strip, StripStep } from './step.js'

type BF16Source = Extract<PassSource, { file: string }>

const isBF16 = (source: PassSource | null | undefined): source is BF16Source =>
  !!source && 'file' in source && source.dtype === 'BF16'

/** Whether a pass does nothing but compare the base with the first model as it is stored. */
const isComparison = ({ reductions, write, resident }: TensorPass, { models }: PassNeeds): boolean =>
  reductions.length === 1 &&
  reductions.every((each) => each.sum === 'compare' && each.of === 'base' && each.with === 'post') &&
  !(write || resident || models)

/** All of such a pass; null for any other one. */
export function storedComparison(parts: StepParts, inputs: PassInputs, needs: PassNeeds): StripStep | null {
  const { pass, kernels, memory, at, answers, fail } = parts
  const { base, models } = pass
  const post = models[0]
  if (!isComparison(pass, needs) || !isBF16(base) || !isBF16(post)) return null
  const [table, answer] = [at.bins[0]!, answers[0]!]
  const sums = new Float64Array(memory.buffer, table, SUMS)
  const compare = openComparison(kernels.compareBF16, table)
  const refuse = (strip: Strip, x: number, y: number): void => {
    if (kernels.decodeBF16(x, at.base, strip.size)) fail('base', at.base, strip, x)
    if (kernels.decodeBF16(y, at.post, strip.size)) fail(0, at.post, strip, y)
  }
  return (strip) => {
    const [x, y] = [inputs.fetch(0, base, strip), inputs.fetch(1, post, strip)]
    compare(x, y, strip.size)
    // Squares of finite entries have a finite sum.
    if (!Number.isFinite(sums[0]! + sums[1]!)) refuse(strip, x, y)
    answer.set(sums, SUMS * strip.index)
  }
}
