// A plan as text: its runs, their downloads from the hub, problems, and estimated cost.
import { postName } from '../config/index.js'
import type { Cost, Download, Run } from '../plan/index.js'

/** Floating-point operations per second of one worker on the wasm backend: a round figure, only to turn operations into a duration. */
const SPEED = 10e9

const listOptions = (options: object) =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')

const countBytes = (bytes: number) =>
  bytes < 5e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`

/** A line for every run. */
export function describeRuns(runs: readonly Run[]): string {
  const lines = runs.map(({ id, pair, task, edit, seed }) => {
    const steps = edit.steps.map(({ editor, options }) => `${editor} ${listOptions(options)}`)
    if (edit.merge) {
      const { merger, convention, options, posts } = edit.merge
      steps.push(`${merger} of ${posts.map(postName).join(', ')} ${listOptions({ convention, ...options })}`)
    }
    return `${id}  ${pair.name}  ${task.name}  ${edit.label}: ${steps.join(' | ')}${seed === null ? '' : `  seed ${seed}`}\n`
  })
  return lines.join('')
}

/** A line per model on the hub and per problem; empty if everything is on this machine. */
export function describeDownloads(downloads: readonly Download[], obstacles: readonly string[]): string {
  const total = downloads.reduce((sum, { bytes }) => sum + bytes, 0)
  const lines = [
    ...downloads.map(({ model, files, bytes }) =>
      files ? `download ${model}: ${files} files, ${countBytes(bytes)}` : `${model} is in the cache`,
    ),
    ...obstacles.map((obstacle) => `problem: ${obstacle}`),
    ...(total ? ['', `${countBytes(total)} to download`] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** Tokens, operations, time and bytes read of all runs. */
export function describeCost({ runs, tokens, flops, bytes }: Cost): string {
  const work = `${runs} runs, ${tokens.toLocaleString('en')} tokens, ${flops.toExponential(1)} floating-point operations`
  return `${work}: about ${describeTime(flops / SPEED / 60)} for one worker at ${SPEED / 1e9} GFLOP/s; ${countBytes(bytes)} of weights to read`
}

function describeTime(minutes: number): string {
  if (minutes < 1) return '1 minute or less'
  if (Math.round(minutes) === 1) return '1 minute'
  if (minutes < 120) return `${Math.round(minutes)} minutes`
  return minutes < 48 * 60
    ? `${Math.round(minutes / 60)} hours`
    : `${Math.round(minutes / 1440).toLocaleString('en')} days`
}
