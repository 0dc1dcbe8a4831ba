// What `submit` takes beside the options of a sweep: the engine, what each shard may use, and the command that its jobs call.
import { join, resolve } from 'node:path'
import type { JobEngine, JobWork } from '../cluster/index.js'
import type { Experiment } from '../config/index.js'
import { UserError } from '../errors/index.js'
import { packageRoot } from '../files/index.js'
import { expandPath } from '../schema/index.js'
import type { BackendName } from '../tensor/index.js'

const text = (describe: string, group: string) => ({ type: 'string' as const, describe, group })
const list = (describe: string, group: string) => ({
  ...text(describe, group),
  array: true as const,
  nargs: 1,
  default: [] as string[],
})
const JOBS = 'Jobs:'
const SLURM = 'Slurm:'
const KUBERNETES = 'Kubernetes:'

/** `KEY=VALUE`. @throws UserError (usage) */
function readVariable(given: string): [string, string] {
  const [, key, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(given) ?? []
  if (key === undefined) throw new UserError(`--env must be KEY=VALUE; got ${given}`, { exitCode: 2 })
  return [key, value!]
}

export const CLUSTER = {
  engine: {
    choices: ['slurm', 'kubernetes'] as const,
    default: 'slurm' as const,
    group: JOBS,
    describe: 'What starts the jobs',
  },
  tasks: {
    type: 'number' as const,
    demandOption: true as const,
    group: JOBS,
    describe: 'Number of shards, each a job of its own',
  },
  cpus: { type: 'number' as const, default: 1, group: JOBS, describe: 'Processor cores of each shard' },
  mem: text('Memory of each shard: 32G for Slurm, 32Gi for Kubernetes', JOBS),
  env: {
    ...list('Variable of the environment, KEY=VALUE; repeatable', JOBS),
    coerce: (given: string[]) => Object.fromEntries(given.map(readVariable)),
  },
  'dry-run': {
    type: 'boolean' as const,
    default: false,
    group: JOBS,
    describe: 'Print what would be submitted, and write nothing',
  },
  time: text('Longest time of each shard, such as 4:00:00', SLURM),
  partition: text('Partition', SLURM),
  account: text('Account', SLURM),
  gres: text('Further resources of each shard, such as gpu:1', SLURM),
  sbatch: list('Another option of sbatch, as in --sbatch=--qos=long; repeatable', SLURM),
  image: text('Container image in which deltalab is a command', KUBERNETES),
  claim: text('PersistentVolumeClaim with the config, the models and the results', KUBERNETES),
  mount: { ...text('Folder of that volume, in the containers as here', KUBERNETES), coerce: expandPath },
  namespace: text('Namespace', KUBERNETES),
}

const ONLY = {
  slurm: ['time', 'partition', 'account', 'gres', 'sbatch'],
  kubernetes: ['image', 'claim', 'mount', 'namespace'],
} as const

export interface ClusterArgs
  extends Partial<Record<(typeof ONLY)['slurm' | 'kubernetes'][number], string | string[] | undefined>> {
  engine: 'slurm' | 'kubernetes'
  tasks: number
  cpus: number
  mem?: string | undefined
  env: Record<string, string>
}

/** The engine that is asked for. @throws UserError (usage) for options of the other one, and for those that lack or are no words */
export async function openJobEngine(args: ClusterArgs, submitted: string): Promise<JobEngine> {
  const wrong = (words: string) => new UserError(words, { exitCode: 2 })
  const other = args.engine === 'slurm' ? 'kubernetes' : 'slurm'
  const stray = ONLY[other].find((name) => args[name]?.length)
  if (stray) throw wrong(`--${stray} is for --engine ${other}; this is ${args.engine}`)
  for (const name of ['mem', ...ONLY[args.engine]] as const)
    for (const value of [args[name] ?? []].flat())
      if (!/^\S+$/.test(value)) throw wrong(`--${name} must be one word; got ${JSON.stringify(value)}`)
  const { kubernetes, slurm } = await import('../cluster/index.js')
  if (args.engine === 'slurm') return slurm(args as Parameters<typeof slurm>[0])
  const lacks = (['image', 'claim', 'mount'] as const).find((name) => args[name] === undefined)
  if (lacks) throw wrong(`--engine kubernetes needs --${lacks}`)
  const { image, claim, mount, namespace } = args as Record<'image' | 'claim' | 'mount' | 'namespace', string>
  return kubernetes({ image, claim, mount: resolve(mount), namespace, submitted })
}

/** What determines the rows, and how they are made. */
export interface SubmittedSweep {
  config: string
  plugin: readonly string[]
  set: readonly string[]
  jobs?: number | undefined
  logTo?: string | undefined
  backend: BackendName
  retryFailed: boolean
  ignoreUnmatched: boolean
  allowCodeExecution: boolean
}

/** The work of the jobs. In a container the program and the shipped experiments are those of its image. */
export function jobWorkOf(
  { name, file }: Experiment,
  folder: string,
  shards: readonly number[],
  { engine, tasks, cpus, mem, env, ...args }: ClusterArgs & SubmittedSweep,
): JobWork {
  const isImage = engine === 'kubernetes'
  const isShipped = resolve(file).startsWith(join(packageRoot, '/'))
  const isInImage = isImage && isShipped
  const plugins = args.plugin.map((path) => resolve(expandPath(path)))
  const log = args.logTo === undefined ? [] : [resolve(args.logTo)]
  const flags = (given: Record<string, boolean>) => Object.keys(given).filter((key) => given[key])
  return {
    name,
    folder,
    jobs: join(folder, 'jobs'),
    cwd: process.cwd(),
    paths: [
      ...(isInImage ? [] : [['the config', resolve(file)] as const]),
      ...plugins.map((path) => ['the plugin', path] as const),
      ...log.map((path) => ['the folder of --log-to', path] as const),
    ],
    program: isImage ? ['deltalab'] : [process.execPath, join(packageRoot, 'dist/bundle/cli/main.js')],
    sweep: [
      'sweep',
      isInImage ? args.config : resolve(file),
      ...['--out', folder],
      ...plugins.flatMap((path) => ['--plugin', path]),
      ...args.set.flatMap((value) => ['--set', value]),
      ...(args.jobs === undefined ? [] : ['--jobs', String(args.jobs)]),
      ...(args.backend === 'auto' ? [] : ['--backend', args.backend]),
      ...log.flatMap((path) => ['--log-to', path]),
      ...flags({
        '--ignore-unmatched': args.ignoreUnmatched,
        '--allow-code-execution': args.allowCodeExecution,
      }),
      ...['--cores', String(cpus)],
    ],
    ofShards: flags({ '--retry-failed': args.retryFailed }),
    count: tasks,
    shards,
    env,
    cpus,
    memory: mem,
  }
}
