// The four scores of IFEval: per prompt or per instruction, of the answer as it is (strict) or with first line, last line or
// asterisks taken away (loose).
import { z } from 'zod'
import { UserError, unknown } from '../../errors/index.js'
import { strip } from '../../jinja/index.js'
import type { ItemBase } from '../base.js'
import type { AnswerMetric } from '../scoring/answer-metric.js'
import { type Arguments, INSTRUCTIONS } from './instructions.js'

const Fields = z.object({
  instruction_id_list: z.array(z.string()).min(1),
  kwargs: z.array(z.record(z.string(), z.unknown())),
})

/** The answer, and what a reader who is not strict would also take for it. */
function variantsOf(answer: string): string[] {
  const lines = answer.split('\n')
  const cut = [
    answer,
    ...[lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((some) => strip(some.join('\n'))),
  ]
  return cut.flatMap((each) => [each, each.replaceAll('*', '')])
}

/** Whether each instruction of the item is followed. @throws UserError for a line without instructions, or one that is not known */
export function followed(answer: string, item: ItemBase, loose: boolean): boolean[] {
  const parsed = Fields.safeParse(item.fields)
  if (!parsed.success) throw new UserError('the columns instruction_id_list and kwargs are wanted')
  const texts = loose ? variantsOf(answer) : [answer]
  return parsed.data.instruction_id_list.map((id, i) => {
    const check = INSTRUCTIONS[id]
    if (!check) throw unknown('instruction', id, Object.keys(INSTRUCTIONS))
    const given: Arguments = parsed.data.kwargs[i] ?? {}
    return texts.some((text) => strip(text) !== '' && check(text, given))
  })
}

const share = (followedOnes: readonly boolean[]) => followedOnes.filter(Boolean).length / followedOnes.length
const instructionsOf = (item: ItemBase) => (item.fields.instruction_id_list as unknown[] | undefined)?.length ?? 1

function metricOf(level: 'prompt' | 'inst', loose: boolean): AnswerMetric {
  const way = loose ? 'loose' : 'strict'
  const of = level === 'prompt' ? 'prompts whose instructions are all followed' : 'instructions that are followed'
  return {
    name: `${level}_level_${way}_acc`,
    description: `IFEval: share of ${of}${loose ? ', first or last line and asterisks aside' : ''}`,
    exactImpliesRight: false,
    ...(level === 'inst' && { weight: instructionsOf }),
    check(item) {
      followed('any answer', item, false)
    },
    score(answer, item) {
      const all = followed(answer, item, loose)
      return level === 'prompt' ? Number(all.every(Boolean)) : share(all)
    },
  }
}

export const ifevalMetrics: readonly AnswerMetric[] = [
  metricOf('prompt', false),
  metricOf('inst', false),
  metricOf('prompt', true),
  metricOf('inst', true),
]
