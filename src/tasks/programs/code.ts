// pass@1 of generated Python programs: HumanEval (arXiv 2107.03374) and MBPP (arXiv 2108.07732).
import { UserError } from '../../errors/index.js'
import type { ItemBase } from '../base.js'
import type { AnswerMetric } from '../scoring/answer-metric.js'
import { openSandbox, type Sandbox, type Trial } from './sandbox.js'

let sandbox: Sandbox | undefined

/** Opened at the first program, once: the check of the system takes longer than a program. */
const passes = (trial: Trial) => (sandbox ??= openSandbox()).passes(trial)

function fieldOf({ fields }: ItemBase, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new UserError(`no text in the column ${JSON.stringify(name)}`)
  return value
}

function testsOf({ fields: { test_list: tests } }: ItemBase): unknown[] {
  if (!Array.isArray(tests)) throw new UserError('no list in the column "test_list"')
  return tests
}

const humaneval: AnswerMetric = {
  name: 'humaneval_pass1',
  description: 'pass@1: the prompt with the answer passes `test` of its line',
  exactImpliesRight: false,
  completes: true,
  runsCode: true,
  check: (item) => void [fieldOf(item, 'test'), fieldOf(item, 'entry_point')],
  async score(answer, item) {
    const [test, entry] = [fieldOf(item, 'test'), fieldOf(item, 'entry_point')]
    // The prompt ends in the text that describes the function: with a body it defines what else the tests use.
    return Number(
      await passes({
        program: `${item.prompt}${answer}\n`,
        given: `${item.prompt}\n    pass\n`,
        entry,
        tests: `${test}\ncheck(${entry})`,
      }),
    )
  },
}

const mbpp: AnswerMetric = {
  name: 'mbpp_pass1',
  description: 'pass@1: the answer passes the first three of `test_list` of its line',
  exactImpliesRight: false,
  runsCode: true,
  check: (item) => void testsOf(item),
  async score(answer, item) {
    return Number(await passes({ program: answer, tests: testsOf(item).slice(0, 3).join('\n') }))
  },
}

export const codePasses: readonly AnswerMetric[] = [humaneval, mbpp]
