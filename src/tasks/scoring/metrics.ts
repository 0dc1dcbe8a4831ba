// How an answer is scored, by name. An explicit list: a new metric is one entry here.
import { z } from 'zod'
import type { ItemBase } from '../base.js'
import { normaliseAnswer, sameAnswer, statedAnswer } from '../formulas/latex.js'
import { ifevalMetrics } from '../ifeval/index.js'
import { codePasses } from '../programs/code.js'
import { runProgram } from '../programs/program.js'
import type { AnswerMetric } from './answer-metric.js'
import { CHOICE_METRICS } from './choice.js'
import { dropIgnored, type Ignored } from './filters.js'
import { LABEL_METRICS } from './labels.js'
import { RANK_METRICS } from './rank.js'
import { TEXT_METRICS } from './text.js'

const exactMatch: AnswerMetric = {
  name: 'exact_match',
  description: 'the answer is the target, spaces around it aside',
  exactImpliesRight: true,
  score(answer, item, { ignore }: { ignore?: Ignored } = {}) {
    const [given, wanted] = ignore
      ? [dropIgnored(answer, ignore), dropIgnored(item.target, ignore)]
      : [answer.trim(), item.target.trim()]
    return Number(given === wanted)
  },
}

const finalNumber: AnswerMetric = {
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
  return found ? Number(found[1]!.replaceAll(',', '')) : undefined
}

/** Arguments of each test by variable name, e.g. [{"x": 3}, {"x": -1}]. */
const Tests = z.array(z.record(z.string(), z.union([z.int(), z.string().max(100)]))).min(1)

const program: AnswerMetric = {
  name: 'program',
  description:
    'the answer, run as a program, gives what the target gives on all `tests` of its line (a list of {variable: value})',
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

const testsOf = (item: ItemBase) => Tests.safeParse(item.fields.tests).data ?? []

/** Of Lewkowycz et al. 2022 (arXiv 2206.14858), as lm-evaluation-harness scores minerva_math. */
const mathAnswer: AnswerMetric = {
  name: 'math_answer',
  description:
    'the answer after "Final Answer: The final answer is" equals the boxed one, in one spelling or as a formula',
  exactImpliesRight: false,
  score(answer, item) {
    const stated = statedAnswer(answer)
    return Number(stated !== undefined && sameAnswer(normaliseAnswer(stated), String(item.fields.answer)))
  },
}

/** Metrics of generated answers, by name. */
export const ANSWER_METRICS: Readonly<Record<string, AnswerMetric>> = Object.fromEntries(
  [exactMatch, finalNumber, program, mathAnswer, ...codePasses, ...ifevalMetrics].map((metric) => [
    metric.name,
    metric,
  ]),
)

/** Metrics that compare a model with the post-trained one, of any task. */
const DIVERGENCE_METRICS = [
  {
    name: 'kl',
    description:
      'KL divergence from the post-trained model, nats per position (docs/divergence.md); 0 where both agree',
  },
  { name: 'cosine', description: 'mean cosine to the features of the post-trained model, of models without a head' },
]

/** Every metric with its sentence. */
export const listMetrics = (): { name: string; description: string }[] =>
  [
    ...Object.values(ANSWER_METRICS),
    ...Object.values(LABEL_METRICS),
    ...Object.values(CHOICE_METRICS),
    ...Object.values(RANK_METRICS),
    ...Object.values(TEXT_METRICS),
    ...DIVERGENCE_METRICS,
  ].map(({ name, description }) => ({ name, description }))
