// Reductions as steps of a pass.
import { BracketTable } from './bracket.js'
import { openComparison, SUMS } from './comparison.js'
import { DOTS } from './layout.js'
import type { Operand } from './pass.js'
import type { StepParts, StripStep, ValuesPlace } from './step.js'

/** The step of reduction number `n`, which puts what it finds among the answers. */
export function reductionStep(parts: StepParts, n: number, placeOf: (operand: Operand) => ValuesPlace): StripStep {
  const { kernels, memory, pass, answers } = parts
  const [each, answer, table] = [pass.reductions[n]!, answers[n]!, parts.at.bins[n]!]
  const x = placeOf(each.of)
  const y = placeOf('with' in each ? each.with : each.of)
  switch (each.sum) {
    case 'dot':
    case 'distance': {
      const sum = kernels[each.sum]
      return ({ size, index, shift }) =>
        void (answer[index] = sum(x.address + x.moves * shift, y.address + y.moves * shift, size))
    }
    case 'dots': {
      const numbers = new Float64Array(memory.buffer, table, DOTS)
      return ({ size, index, shift }) => {
        kernels.dots(x.address + x.moves * shift, y.address + y.moves * shift, size, table)
        answer.set(numbers, DOTS * index)
      }
    }
    case 'compare': {
      const numbers = new Float64Array(memory.buffer, table, SUMS)
      const compare = openComparison(kernels.compare, table)
      return ({ size, index, shift }) => {
        compare(x.address + x.moves * shift, y.address + y.moves * shift, size)
        answer.set(numbers, SUMS * index)
      }
    }
    case 'rowTies': {
      const { columns } = pass
      return ({ size, index, shift }) =>
        void (answer[index] = kernels.countRowTies(
          x.address + x.moves * shift,
          size / columns,
          columns,
          each.k,
          parts.at.space,
        ))
    }
    case 'bracket': {
      const { low, high, first, second, sample } = each
      const counts = new BracketTable(pass, sample)
      return ({ from, size, index, shift }) => {
        const equal = counts.equalAt(table, index)
        kernels.bracket(x.address + x.moves * shift, size, low, high, first, second, from - pass.from, table, equal)
      }
    }
    case 'find':
      return ({ from, size, slot, shift }) => {
        if (slot !== each.strip) return
        answers[n] = Float64Array.of(from + kernels.findEqual(x.address + x.moves * shift, size, each.bits, each.n))
      }
    case 'cuts':
      throw new Error('cuts take passes of their own')
    default: {
      const sum = kernels[each.sum]
      return ({ size, index, shift }) => void (answer[index] = sum(x.address + x.moves * shift, size))
    }
  }
}
