// A task that is defined in code: a card as an object, whose data may be rows and whose metrics may be functions.
import type { z } from 'zod'
import { locateValue } from '../yaml/index.js'
import { type Card, CardFile } from './cards/card.js'
import { completeCard } from './cards/read.js'
import type { DataRow } from './cards/template.js'
import type { AnswerMetric } from './scoring/answer-metric.js'
import type { ChoiceMetric } from './scoring/choice.js'

/** The entries of a card as a file gives them. */
type Entries = z.input<typeof CardFile>
/** One, or a list. */
type OneOrMore<T> = T | readonly T[]

/** What the definitions of all kinds of tasks have in common. */
interface TaskEntries extends Omit<Entries, 'data' | 'metric' | 'kind' | 'version' | 'description'> {
  /** Raised when a change (of data, prompt or metric) changes scores; part of what identifies a run. Default 1. */
  version?: number
  /** One line for `deltalab tasks`. */
  description?: string
  /** Rows by column, or a function that gives them; or, as in a card, a file (relative to the current folder) or a data set of the hub. */
  data: readonly DataRow[] | (() => readonly DataRow[] | Promise<readonly DataRow[]>) | Entries['data']
}

/**
 * The entries of a card (docs/tasks.md), with `data` and `metric` in code. A metric is a name of `deltalab tasks` or, for
 * generated answers and for choices, an object with a `score`; the first gives the task's score.
 */
export type TaskDefinition = TaskEntries &
  (
    | { kind?: 'generate'; metric: OneOrMore<string | AnswerMetric> }
    | { kind: 'choices'; metric: OneOrMore<string | ChoiceMetric> }
    | { kind: 'classify' | 'images' | 'rank' | 'text'; metric: OneOrMore<string> }
  )

/**
 * A task of one's own, which can be given wherever the name of a task can.
 *
 * @example
 * const parity = defineTask({
 *   name: 'parity',
 *   data: Array.from({ length: 100 }, (_, n) => ({ n, answer: n % 2 ? 'odd' : 'even' })),
 *   prompt: 'Is {{ n }} odd or even?',
 *   target: ' {{ answer }}',
 *   metric: 'exact_match',
 *   max_new_tokens: 4,
 * })
 *
 * @param definition the entries of a card, with data and metrics in code
 * @throws UserError for an entry that is missing, unknown or wrong. What is wrong with the rows is found when the task is loaded.
 */
export function defineTask(definition: TaskDefinition): Card {
  const { data, metric, version = 1, description, ...entries } = definition ?? {}
  const origin = entries.name === undefined ? 'task' : `task ${entries.name}`
  const given: readonly (string | AnswerMetric | ChoiceMetric)[] = [metric ?? []].flat()
  const own = Object.fromEntries(given.flatMap((each) => (typeof each === 'string' ? [] : [[each.name, each]])))
  const inCode = typeof data === 'function' || Array.isArray(data)
  const { value, locate } = locateValue(
    {
      ...entries,
      version,
      description: description ?? origin,
      data: inCode ? 'code' : data,
      metric: metric && given.map((each) => (typeof each === 'string' ? each : each.name)),
    },
    origin,
    CardFile,
  )
  return locate(() =>
    completeCard(value, {
      origin,
      folder: process.cwd(),
      locate,
      ...(inCode && { rows: () => placeRows(data, origin) }),
      ...(Object.keys(own).length && { ownMetrics: { [value.kind]: own } }),
    }),
  )
}

async function placeRows(
  data: readonly DataRow[] | (() => readonly DataRow[] | Promise<readonly DataRow[]>),
  origin: string,
) {
  const rows = typeof data === 'function' ? await data() : data
  return rows.map((row, index) => ({ where: `${origin}: row ${index + 1}`, number: index + 1, row }))
}

/** Whether a value is what `defineTask` gives. */
export const isTask = (value: unknown): value is Card =>
  typeof value === 'object' && value !== null && 'origin' in value && 'metrics' in value && 'locate' in value
