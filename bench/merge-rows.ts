// What `npm run bench merge` measures: per row the programs that run in turn, and the goals.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deltalab, type Program } from './processes.js'
import type { Trio } from './trio.js'

/** Programs that run in turn, by what the table calls them; undefined is not measured. */
export type Programs = Partial<Record<Contestant, Program | undefined>>
export type Contestant = 'deltalab' | 'floor' | 'mergekit' | '300MB' | '1 job' | '2 jobs'

/** `theirs` over `ours` is to be at least `least`. A number is a bound in bytes. */
export interface Goal {
  of: 'seconds' | 'peak'
  ours: Contestant
  theirs: Contestant | number
  least: number
}

export interface Row {
  name: string
  goals: Goal[]
  /** `out` is a path that does not exist, for what a program writes. */
  programs(trio: Trio, out: string): Programs
}

const weights = (folder: string) => join(folder, 'model.safetensors')
const over = (theirs: Contestant, least: number): Goal => ({ of: 'seconds', ours: 'deltalab', theirs, least })
const within = (ours: Contestant, theirs: number): Goal => ({ of: 'peak', ours, theirs, least: 1 })

/** The least that any tool has to do: read the inputs, and write one output. */
function floorOf(inputs: readonly string[], out: string | null): Program {
  const copy = out === null ? '' : ' && cp "$1" "$0"'
  return { command: 'sh', words: ['-c', `cat "$@" > /dev/null${copy}`, out ?? '', ...inputs.map(weights)] }
}

/** A program of mergekit; undefined where MERGEKIT does not name one. */
function mergekit(program: 'mergekit-yaml' | 'mergekit-extract-lora', ...words: string[]): Program | undefined {
  const { MERGEKIT } = process.env
  if (!MERGEKIT) return undefined
  return { command: program === 'mergekit-yaml' ? MERGEKIT : join(dirname(MERGEKIT), program), words }
}

/** Methods that are half of the sum of both fine-tunes, in some way. */
const HALVES = { weight: 0.5, density: 0.5 }
const METHODS: Record<string, { goal: number; parameters: object; base?: 'base' | 'first' }> = {
  linear: { goal: 5, parameters: { weight: 0.5 } },
  task_arithmetic: { goal: 5, parameters: { weight: 0.5 }, base: 'base' },
  slerp: { goal: 5, parameters: { t: 0.5 }, base: 'first' },
  dare_linear: { goal: 5, parameters: HALVES, base: 'base' },
  dare_ties: { goal: 8, parameters: HALVES, base: 'base' },
  breadcrumbs: { goal: 8, parameters: { ...HALVES, gamma: 0.01 }, base: 'base' },
  ties: { goal: 15, parameters: HALVES, base: 'base' },
  della: { goal: 12, parameters: { ...HALVES, epsilon: 0.1 }, base: 'base' },
  della_linear: { goal: 12, parameters: { ...HALVES, epsilon: 0.1 }, base: 'base' },
}

/** Writes the merge file that both tools get; returns its path and the folders it reads. */
function writeMergeFile(method: string, trio: Trio): { file: string; inputs: string[] } {
  const { parameters, base } = METHODS[method]!
  const file = join(trio.root, `${method}.yml`)
  const origin = base === 'base' ? trio.base : base === 'first' ? trio.tuned[0] : undefined
  const models = trio.tuned.map((model) => ({ model }))
  const content = { merge_method: method, base_model: origin, models, parameters, dtype: 'bfloat16' }
  writeFileSync(file, JSON.stringify(content))
  return { file, inputs: [...(base === 'base' ? [trio.base] : []), ...trio.tuned] }
}

const merges = Object.entries(METHODS).map(
  ([method, { goal }]): Row => ({
    name: method,
    goals: [over('mergekit', goal), over('floor', 1 / 5), within('deltalab', 1e9), within('300MB', 300e6)],
    programs(trio, out) {
      const { file, inputs } = writeMergeFile(method, trio)
      return {
        floor: floorOf(inputs, out),
        deltalab: deltalab('merge', file, out),
        mergekit: mergekit('mergekit-yaml', file, out),
        '300MB': deltalab('merge', file, out, '--memory', '300MB'),
      }
    },
  }),
)

const EDITS = {
  dare: ['--editor', 'dare', '--drop', '0.9'],
  magnitude: ['--editor', 'magnitude', '--drop', '0.9'],
  bitdelta: ['--editor', 'bitdelta'],
}
const edits = Object.entries(EDITS).map(
  ([editor, words]): Row => ({
    name: `edit-${editor}`,
    goals: [over('floor', 1 / 4), within('deltalab', 1e9)],
    programs: ({ base, tuned: [post] }, out) => ({
      floor: floorOf([base, post], out),
      deltalab: deltalab('edit', base, post, ...words, '--out', out),
    }),
  }),
)

export const ROWS: readonly Row[] = [
  ...merges,
  {
    name: 'jobs',
    goals: [{ of: 'seconds', ours: '2 jobs', theirs: '1 job', least: 1.7 }],
    programs(trio, out) {
      const { file } = writeMergeFile('ties', trio)
      const merge = (jobs: string) => deltalab('merge', file, out, '--jobs', jobs)
      return { '1 job': merge('1'), '2 jobs': merge('2') }
    },
  },
  ...edits,
  {
    name: 'inspect',
    goals: [over('floor', 1 / 3), within('deltalab', 1e9)],
    programs: ({ base, tuned: [post] }) => ({
      floor: floorOf([base, post], null),
      deltalab: deltalab('inspect', base, post, '--rank-limit', '0'),
    }),
  },
  {
    name: 'extract',
    goals: [over('mergekit', 10), within('deltalab', 1e9)],
    programs: ({ base, tuned: [post] }, out) => ({
      floor: floorOf([base, post], null),
      deltalab: deltalab('extract', base, post, '--rank', '16', '--out', out),
      mergekit: mergekit(
        'mergekit-extract-lora',
        ...['--model', post, '--base-model', base, '--out-path', out, '--max-rank', '16'],
      ),
    }),
  },
]
