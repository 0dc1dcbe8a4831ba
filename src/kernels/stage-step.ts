// Stages as steps of a pass.
import { chooseBits } from './choices.js'
import type { Stage } from './pass.js'
import { patternOf } from './pattern.js'
import type { StepParts, StripStep, ValuesPlace } from './step.js'

/** @param table address of what the stage looks up */
export function stageStep(parts: StepParts, stage: Stage, { address, moves }: ValuesPlace, table: number): StripStep {
  const { kernels, at } = parts
  const { columns } = parts.pass
  switch (stage.stage) {
    case 'select':
      return selectStep(parts, stage, { address, moves })
    case 'keep': {
      const [threshold, { lastTie }] = [patternOf(stage.cut.threshold), stage.cut]
      return ({ from, size, shift }) => {
        const v = address + moves * shift
        kernels.keep(v, v, size, threshold, lastIn(lastTie, from, size), stage.scale)
      }
    }
    case 'drop': {
      const [threshold, { lastTie }] = [patternOf(stage.cut.threshold), stage.cut]
      return ({ from, size, shift }) =>
        kernels.drop(address + moves * shift, size, threshold, lastIn(lastTie, from, size))
    }
    case 'keepRows': {
      const rule = ['first', 'all', 'none'].indexOf(stage.ties)
      return ({ size, shift }) =>
        kernels.keepRows(address + moves * shift, size / columns, columns, stage.k, rule, stage.scale, at.space)
    }
    case 'dropRows':
      return ({ size, shift }) => kernels.dropRows(address + moves * shift, size / columns, columns, stage.k, at.space)
    case 'quantise': {
      const top = 2 ** stage.bits - 1
      return ({ size, shift }) => kernels.quantise(address + moves * shift, size / columns, columns, stage.width, top)
    }
    case 'scale':
      return ({ size, shift }) => kernels.scale(address + moves * shift, address + moves * shift, size, stage.factor)
    case 'signs':
      return ({ size, shift }) => kernels.signs(address + moves * shift, size, stage.magnitude)
    case 'addBase':
      return ({ size, shift }) => kernels.add(address + moves * shift, at.base, size)
    case 'prune': {
      if (!stage.factors) return thinStep(parts, stage, { address, moves }, table)
      const factors = table + 4 * stage.limits.length
      const [key0, key1] = stage.key
      return ({ from, size, shift }) => {
        kernels.draws(at.draws, size, key0, key1, from)
        kernels.prune(address + moves * shift, at.draws, size / columns, columns, table, factors, at.space)
      }
    }
  }
}

/** Index in the strip of the last tie. */
const lastIn = (lastTie: number, from: number, size: number) => Math.max(-1, Math.min(size, lastTie - from))

function selectStep(
  parts: StepParts,
  { key: [key0, key1], rate, choices, dropped, kept }: Extract<Stage, { stage: 'select' }>,
  { address, moves }: ValuesPlace,
): StripStep {
  const { kernels, at } = parts
  // u = m × 2^-24 with an integer m, so u < rate is m < ceil(rate × 2^24).
  const limit = Math.ceil(rate * 2 ** 24)
  return (strip) => {
    const { from, size, shift } = strip
    chooseBits(parts, choices, strip, { draw: () => kernels.draws(at.draws, size, key0, key1, from), limit })
    kernels.choose(address + moves * shift, at.bits, size, dropped, kept)
  }
}

function thinStep(
  parts: StepParts,
  { key: [key0, key1], limits, choices }: Extract<Stage, { stage: 'prune' }>,
  { address, moves }: ValuesPlace,
  table: number,
): StripStep {
  const { kernels, at, pass } = parts
  return (strip) => {
    const { from, size, shift } = strip
    const v = address + moves * shift
    const draw = () => {
      kernels.draws(at.draws, size, key0, key1, from)
      kernels.decideRows(v, at.draws, size / pass.columns, pass.columns, table, at.space)
    }
    chooseBits(parts, choices, strip, { draw, limit: limits[0]! })
    kernels.clear(v, at.bits, size)
  }
}
