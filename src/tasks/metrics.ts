// How an answer is scored, by name. An explicit list: a new metric is one entry here.
import { z } from 'zod'
import { runProgram } from './program.js'
import type { Item, Metric } from './task.js'

const exactMatch: Metric = {
  name: 'exact_match',
  description: 'the answer is the target, spaces around it aside',
  exactImpliesRight: true,
  score: (answer, item) => Number(answer.trim() === item.target.trim()),
}

const finalNumber: Metric = {
  name: 'final_number',
  description: 'the number after #### in the answer equals the one in the target, as in GSM8K',
  exactImpliesRight: true,
  score(answer, item) {
    const right = numberAfterMark(item.target)
    return Number(right !== undefined && numberAfterMark(answer) === right)
  },
}

/** The number after the first ####; commas between digits are dropped. */
function numberAfterMark(text: string): number | undefined {
  const found = /####\s*(-?\d[\d,]*(?:\.\d+)?)/.exec(text)
  return found ? Number(found[1].replaceAll(',', '')) : undefined
}

/** Arguments of each test by variable name, e.g. [{"x": 3}, {"x": -1}]. */
const Tests = z.array(z.record(z.string(), z.union([z.int(), z.string().max(100)]))).min(1)

const program: Metric = {
  name: 'program',
  description: 'the answer, run as a program, gives what the target gives on all `tests` of its line (a list of {variable: value})',
  exactImpliesRight: true,
  score(answer, item) {
    const tests = testsOf(item)
    return Number(
      tests.length > 0 &&
        tests.every((variables) => {
          const right = runProgram(item.target, variables)
          return right !== undefined && runProgram(answer, variables) === right
        }),
    )
  },
}

const testsOf = (item: Item) => Tests.safeParse(item.fields.tests).data ?? []

export const METRICS = { exact_match: exactMatch, final_number: finalNumber, program } as const satisfies Record<string, Metric>
export type MetricName = keyof typeof METRICS
