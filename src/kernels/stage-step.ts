// Stages as steps of a pass.
import type { Stage } from './pass.js'
import { patternOf } from './pattern.js'
import type { StepParts, StripStep, ValuesPlace } from './step.js'

/** @param table address of what the stage looks up */
export function stageStep(
  parts: StepParts,
  stage: Exclude<Stage, { stage: 'select' }>,
  { address, moves }: ValuesPlace,
  table: number,
): StripStep {
  const { kernels, at } = parts
  const { columns } = parts.pass
  switch (stage.stage) {
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
