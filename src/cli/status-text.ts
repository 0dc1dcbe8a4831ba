// How far a sweep is in words: all runs, a line per shard, and the jobs that were submitted.
import { type JobState, nameJobs, numberRanges, type Submission } from '../cluster/index.js'
import type { Advance, Live } from '../record/index.js'
import { quoteWord } from '../tool/index.js'
import { durationText, rateText } from './progress-state.js'

/** The latest submission, with the states of its jobs; null where the engine cannot be asked here. */
export type Submitted = Submission & { states: JobState[] | null }

/** @param live null where no shard has started yet */
export function describeStatus(folder: string, live: Live | null, submitted: Submitted | null): string {
  const lines = live ? [`${live.experiment}: ${describeAdvance(live)}`] : [`${folder}: no run has started yet`]
  const states = new Map((submitted?.states ?? []).flatMap(({ shard, state }) => (shard ? [[shard, state]] : [])))
  const stateOf = (name: string) => {
    const [index, count] = name.split('-of-').map(Number)
    return count === submitted?.tasks ? states.get(index!) : undefined
  }
  for (const { name, writer, ...part } of live?.parts ?? []) {
    if (name === '' && !part.done && !writer) continue
    const state = stateOf(name)
    const who = writer ? `process ${writer.pid} of ${writer.host}` : ''
    lines.push(
      `  ${name === '' ? 'collected' : name}: ${[describeAdvance(part), who, state && `job ${state}`].filter(Boolean).join(', ')}`,
    )
  }
  if (submitted) lines.push(describeJobs(submitted))
  lines.push(adviceOf(folder, live, submitted))
  return `${lines.filter(Boolean).join('\n')}\n`
}

function describeAdvance({ planned, done, failed, rate, left }: Omit<Advance, 'found'>): string {
  return [
    `${done} of ${planned} runs done`,
    ...(failed ? [`${failed} failed`] : []),
    ...(done < planned ? [`${planned - done} missing`] : []),
    ...(rate === null ? [] : [rateText(rate)]),
    ...(left === null || done >= planned ? [] : [`${durationText(left)} left`]),
  ].join(', ')
}

/** `Slurm jobs 12 and 13: RUNNING shards 1-3, PENDING shard 4; collecting job PENDING`. */
function describeJobs(submitted: Submitted): string {
  const { states } = submitted
  if (!states) return `${nameJobs(submitted)}: how they are cannot be asked from here`
  if (!states.length) return `${nameJobs(submitted)}: ended`
  const kinds = [...new Set(states.map(({ state }) => state))]
  const said = kinds.flatMap((kind) => {
    const shards = states.flatMap(({ shard, state }) => (shard && state === kind ? [shard] : []))
    return shards.length
      ? [`shard${shards.length > 1 ? 's' : ''} ${numberRanges(shards.sort((a, b) => a - b))} ${kind}`]
      : []
  })
  const others = states.flatMap(({ shard, state }) => (shard ? [] : [state]))
  const rest = submitted.engine === 'slurm' ? others.map((state) => `collecting job ${state}`) : others
  return `${nameJobs(submitted)}: ${[...said, ...rest].join(', ')}`
}

/** What one may do now. */
function adviceOf(folder: string, live: Live | null, submitted: Submitted | null): string {
  const active = submitted?.states?.some((state) => state.active) || live?.parts.some(({ writer }) => writer)
  if (active || live?.finished === undefined) return ''
  const shards = live.parts.some(({ name }) => name !== '')
  if (live.done < live.planned)
    return `nothing runs: ${submitted ? 'deltalab submit does what is missing, ' : ''}deltalab sweep ${submitted ? 'does it on this machine' : 'goes on'}`
  return shards ? `every run is done: deltalab sweep collects the shards of ${quoteWord(folder)}` : ''
}
