// results/bench/README.md: the figures of `npm run bench merge` as tables in plain words, with every goal and whether it is met.
import type { MeasuredRow, Previous, Results, Setting } from './merge-results.js'
import type { Contestant, Goal } from './merge-rows.js'

/** How many times less than theirs ours is; null where one of them was not measured. */
export function ratioOf({ figures }: Pick<MeasuredRow, 'figures'>, { of, ours, theirs }: Goal): number | null {
  const value = (side: Contestant | number) => (typeof side === 'number' ? side : (figures[side]?.[of] ?? null))
  const [our, their] = [value(ours), value(theirs)]
  return our === null || their === null ? null : their / our
}

export const isMet = (ratio: number, goal: Goal) => ratio >= goal.least

export function describeMerges(results: Results, previous: Previous): string {
  const { setting, rows } = results
  const before = (row: MeasuredRow) => previous.rows.find(({ row: name }) => name === row.row)?.figures.deltalab
  const goal = (row: MeasuredRow, ours: Contestant, theirs: Contestant | 'bound') =>
    row.goals.find(
      (each) => each.ours === ours && (theirs === 'bound' ? typeof each.theirs === 'number' : each.theirs === theirs),
    )
  const timed = rows.filter(({ figures }) => figures.deltalab)
  const times = timed.map((row) => [
    row.row,
    seconds(row.figures.floor?.seconds),
    seconds(row.figures.deltalab?.seconds),
    ...timesOf(row, goal(row, 'deltalab', 'floor'), 'more'),
    seconds(row.figures.mergekit?.seconds),
    ...timesOf(row, goal(row, 'deltalab', 'mergekit'), 'less'),
    seconds(before(row)?.seconds),
  ])
  const memory = timed.map((row) => [
    row.row,
    ...bytesOf(row, goal(row, 'deltalab', 'bound')),
    ...bytesOf(row, goal(row, '300MB', 'bound')),
    seconds(row.figures['300MB']?.seconds),
    megabytes(row.figures.mergekit?.peak),
    megabytes(before(row)?.peak),
  ])
  const jobs = rows.find(({ row }) => row === 'jobs')
  const old = `deltalab ${previous.deltalab}`
  return `${[
    '# Speed and memory of merges, edits, inspect and extract',
    'Written by `npm run bench merge` from [merge.json](merge.json). Do not edit it by hand.',
    describe(setting, rows),
    '## Time',
    [
      'Seconds of the whole process, from start to end. *Floor* is the time to read all inputs and to write one output:',
      '`cat inputs > /dev/null; cp one output`. `inspect` and `extract` write little, so their floor only reads.',
    ].join('\n'),
    table(
      ['what', 'floor', 'deltalab', 'times the floor', 'goal', 'mergekit', 'times as fast as mergekit', 'goal', old],
      times,
    ),
    ...(jobs ? [describeJobs(jobs)] : []),
    '## Memory',
    [
      'Peak memory of the process and its children in MB (VmHWM; the peaks of children are added). The goal is 1000 MB with',
      'default options, and 300 MB with `--memory 300MB`.',
    ].join('\n'),
    table(['what', 'deltalab', 'goal', 'with `--memory 300MB`', 'goal', 'its seconds', 'mergekit', old], memory),
    `The column of ${old}: ${previous.source}`,
    NOTES,
  ].join('\n\n')}\n`
}

const NOTES = `## What is compared

- \`linear\` and \`slerp\` read the two fine-tunes, the other methods read the base too. Both tools get the same merge file, with weight 0.5,
  density 0.5, and \`dtype: bfloat16\`. mergekit runs with its default options, on the CPU.
- \`edit-dare\` and \`edit-magnitude\` drop 90 % of the delta of the pair of the base and the first fine-tune. \`inspect\` leaves out effective ranks.
- \`extract\` makes an adapter of rank 16 with the default options of each tool. They differ: deltalab factorises all matrices, mergekit
  stores embeddings and output layer whole.`

function describe(setting: Setting, rows: readonly MeasuredRow[]): string {
  const { cpu, cores, memory, node, files, parameters, rounds } = setting
  const dates = [...new Set(rows.map(({ date }) => date))].sort()
  const versions = [`deltalab ${setting.deltalab}`, `Node ${node}`]
  versions.push(setting.mergekit === null ? 'mergekit not measured' : `mergekit ${setting.mergekit}`)
  return [
    `A base and two fine-tunes of a Llama with ${(parameters / 1e6).toFixed(0)}M parameters in bfloat16. The files are in ${files}.`,
    `The programs take turns in ${rounds} rounds; the shortest time and the largest peak of each count.`,
    `Machine: ${cpu}, ${cores} cores, ${memory} GB. ${versions.join(', ')}. Measured ${dates.join(', ')}.`,
  ].join('\n')
}

function describeJobs(row: MeasuredRow): string {
  const [goal] = row.goals
  const ratio = ratioOf(row, goal!)
  if (ratio === null) return ''
  const [one, two] = [row.figures['1 job'], row.figures['2 jobs']].map((figure) => seconds(figure?.seconds))
  return `\`ties\` takes ${one} s with one job and ${two} s with two: ${ratio.toFixed(2)} times as fast (goal ${goal!.least}: ${verdict(row, goal!)}).`
}

/** A ratio and its goal: how many times more or less ours is. */
function timesOf(row: MeasuredRow, goal: Goal | undefined, way: 'more' | 'less'): [string, string] {
  if (!goal) return ['', '']
  const ratio = ratioOf(row, goal)
  const [shown, bound] =
    way === 'more' ? [ratio && 1 / ratio, `at most ${1 / goal.least}`] : [ratio, `at least ${goal.least}`]
  return [shown ? shown.toFixed(1) : '', `${bound}: ${verdict(row, goal)}`]
}

function bytesOf(row: MeasuredRow, goal: Goal | undefined): [string, string] {
  return goal ? [megabytes(row.figures[goal.ours]?.peak), verdict(row, goal)] : ['', '']
}

function verdict(row: MeasuredRow, goal: Goal): string {
  const ratio = ratioOf(row, goal)
  return ratio === null ? 'not measured' : isMet(ratio, goal) ? 'met' : '**missed**'
}

const seconds = (value: number | null | undefined) =>
  value === null || value === undefined ? '' : value.toFixed(value < 10 ? 2 : 1)
const megabytes = (value: number | null | undefined) =>
  value === null || value === undefined ? '' : (value / 1e6).toFixed(0)

function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Rows that the README names. */
const SHOWN = ['linear', 'task_arithmetic', 'dare_ties', 'ties', 'della', 'extract']

/** The paragraph of the README: seconds of some rows, mergekit's in brackets, and the largest peak of memory. */
export function describeSpeed({ setting, rows }: Results): string {
  const seconds = (figure: { seconds: number } | undefined) => figure!.seconds.toFixed(1)
  const times = SHOWN.map((name) => {
    const { deltalab, mergekit } = rows.find(({ row }) => row === name)!.figures
    return `\`${name}\` ${seconds(deltalab)} s (${seconds(mergekit)})`
  })
  const peaks = (of: 'deltalab' | '300MB') => Math.max(...rows.map(({ figures }) => figures[of]?.peak ?? 0)) / 1e6
  return [
    `Whole commands on three models of ${Math.round(setting.parameters / 1e6)} million parameters in bf16, ${setting.cores} cores; mergekit ${setting.mergekit} in brackets:`,
    `${times.join(', ')}.`,
    `Peak memory is at most ${peaks('deltalab').toFixed(0)} MB, and with \`--memory 300MB\` at most ${peaks('300MB').toFixed(0)} MB.`,
    '',
  ].join('\n')
}
