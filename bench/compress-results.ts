// What `npm run bench compress` stores in results/bench: bytes, seconds and peaks of every tool on every pair, and their tables.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/files/index.js'
import { type ComputeResults, describeSetting } from './compute-results.js'

/** What a tool made of a pair. Seconds are wall time; peaks are bytes. */
export interface Made {
  name: string
  bytes: number
  compress: number
  apply: number
  exact: boolean
  peak?: number | null
  /** A goal in megabytes of the model a second, both ways. */
  rates?: readonly [compress: number, apply: number]
  /** Of a codec with loss: seconds of reading base and delta and of writing the model, and the peak with `--memory 300MB`. */
  floor?: number
  small?: number | null
  error?: string
}

export interface MeasuredPair {
  name: string
  date: string
  /** Of the weights. */
  bytes: number
  parameters: number
  /** How many times smaller than the best of the others, at least. */
  goal: number
  rows: Made[]
}

export interface CompressResults {
  setting: ComputeResults['setting']
  versions: Record<string, string>
  pairs: MeasuredPair[]
}

const path = (name: string) => join(packageRoot, 'results/bench', name)

export const readCompress = (): CompressResults | null =>
  existsSync(path('compress.json')) ? JSON.parse(readFileSync(path('compress.json'), 'utf8')) : null

/** Stores a pair beside those of earlier runs on this machine. */
export function storeCompress(pair: MeasuredPair, versions: Record<string, string>): void {
  const [setting, before] = [describeSetting(), readCompress()]
  const isSame = (['cpu', 'cores', 'node', 'deltalab'] as const).every((key) => before?.setting[key] === setting[key])
  const pairs = [...((isSame && before?.pairs) || []).filter(({ name }) => name !== pair.name), pair]
  const results = { setting, versions: { ...(isSame && before?.versions), ...versions }, pairs }
  mkdirSync(path(''), { recursive: true })
  writeFileSync(path('compress.json'), `${JSON.stringify(results, null, 1)}\n`)
  writeFileSync(path('compress.md'), describeCompress(results))
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: string[], body: string[][]): string =>
  [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
const megabytes = (bytes: number | null | undefined): string => (bytes ? (bytes / 1e6).toFixed(0) : '')
const verdict = (met: boolean): string => (met ? 'met' : '**missed**')

/** Of the tools whose result is the model again, the fewest bytes; Infinity where there is none. */
export const bestOf = (rows: readonly Made[]): number =>
  Math.min(...rows.filter(({ exact, name }) => exact && !name.startsWith('deltalab')).map(({ bytes }) => bytes))

function exactTable({ bytes, rows, goal }: MeasuredPair): string {
  const best = bestOf(rows)
  const body = rows
    .filter(({ floor }) => floor === undefined)
    .map((row) => {
      const rate = (seconds: number, goal: number | undefined) => {
        const found = bytes / 1e6 / seconds
        return `${found.toFixed(0)}${goal ? ` (goal ${goal}: ${verdict(found >= goal)})` : ''}`
      }
      if (row.error) return [row.name, row.error, '', '', '']
      const ratio = (row.bytes / bytes).toFixed(4)
      const beside = row.name === 'deltalab' && Number.isFinite(best)
      const against = beside
        ? ` (${(best / row.bytes).toFixed(2)} times smaller than the best other; goal ${goal}: ${verdict(best / row.bytes >= goal)})`
        : ''
      return [
        row.name,
        row.exact ? `${ratio}${against}` : `${ratio}, not exact`,
        rate(row.compress, row.rates?.[0]),
        rate(row.apply, row.rates?.[1]),
        megabytes(row.peak),
      ]
    })
  return body.length ? table(['tool', 'bytes out / bytes in', 'compress, MB/s', 'back, MB/s', 'peak, MB'], body) : ''
}

function lossyTable({ parameters, rows }: MeasuredPair): string {
  const body = rows.flatMap(({ name, bytes, compress, apply, floor, peak, small }) => {
    if (floor === undefined) return []
    const times = apply / floor
    return [
      [
        name,
        ((8 * bytes) / parameters).toFixed(2),
        compress.toFixed(2),
        apply.toFixed(2),
        floor.toFixed(2),
        `${times.toFixed(1)} (goal 3: ${verdict(times <= 3)})`,
        `${megabytes(peak)}: ${verdict((peak ?? 0) <= 1e9)}`,
        small ? `${megabytes(small)}: ${verdict(small <= 300e6)}` : 'more is needed',
      ],
    ]
  })
  const head = [
    'codec',
    'bits per parameter',
    'compress, s',
    'apply, s',
    'floor, s',
    'apply / floor',
    'peak, MB',
    'peak with `--memory 300MB`',
  ]
  return body.length ? table(head, body) : ''
}

export function describeCompress({ setting, versions, pairs }: CompressResults): string {
  const described = pairs.flatMap((pair) => [
    `## ${pair.name}`,
    `${(pair.bytes / 1e6).toFixed(1)} MB of weights, ${(pair.parameters / 1e6).toFixed(1)}M parameters. Measured ${pair.date}.`,
    ...[exactTable(pair), lossyTable(pair)].filter(Boolean),
  ])
  const text = [
    '# Speed and size of delta files',
    'Written by `npm run bench compress` from [compress.json](compress.json). Do not edit it by hand.',
    [
      'All files are in memory. Times are the shortest of three runs, and of one run for codecs with loss. The rows of deltalab are whole processes with their start, and all files of the folder, each',
      'with its SHA-256 (`--fast`: weights with the checksums of their pieces); those of other tools are calls within one process of Python that has read the files.',
      'Of the pairs of half a gigabyte, the start of the program is up to a third of the time; those of 1B and 492M parameters show the speed of large models.',
      'MB/s are of the weights of the model. The floor of `apply` is `cat base delta > /dev/null; cp model out`.',
      'A codec with loss stores the matrices of the layers, and all other tensors are lossless.',
    ].join('\n'),
    `Machine: ${setting.cpu}, ${setting.cores} cores, ${setting.memory} GB, Node ${setting.node}, deltalab ${setting.deltalab}.`,
    ...described,
  ]
  const tools = Object.entries(versions)
  if (tools.length) text.push('## Versions', table(['package', 'version'], tools))
  return `${text.join('\n\n')}\n`
}
