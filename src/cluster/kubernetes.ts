// Kubernetes: the shards are a Job with an index for each, and another Job collects them once all have finished. They share a volume.
import { join, relative, sep } from 'node:path'
import { stringify } from 'yaml'
import { UserError } from '../errors/index.js'
import { needTool, quoteWord, runTool } from '../tool/index.js'
import {
  idsIn,
  type JobEngine,
  type JobIds,
  type JobQueue,
  type JobState,
  type JobWork,
  refusedRest,
} from './engine.js'

export interface KubernetesOptions {
  /** Container image in which `deltalab` is a command. */
  image: string
  /** Name of the PersistentVolumeClaim that holds config, models and results. */
  claim: string
  /** Where the volume is, in the containers as here. */
  mount: string
  namespace?: string | undefined
  /** When, ISO 8601: earlier jobs have other names, and what finished earlier is not waited for. */
  submitted: string
}

const MANIFEST = 'jobs.yaml'

/** The jobs of a namespace; of that of kubectl unless given. */
export const kubernetesQueue = (namespace?: string): JobQueue => ({
  title: 'Kubernetes',
  states: (ids) => askJobs(ids, namespace),
  async cancel(ids) {
    const jobs = idsIn(ids).map((id) => `job/${id}`)
    await needTool('the jobs cannot be ended', [...kubectl(namespace), 'delete', '--ignore-not-found', ...jobs])
  },
})

export const kubernetes = (options: KubernetesOptions): JobEngine => ({
  ...kubernetesQueue(options.namespace),
  files(work) {
    checkWithin(work, options.mount)
    const parts = [...(work.shards.length ? [shardsJob(work, options)] : []), collectJob(work, options)]
    const write = (part: object) => stringify(part, { lineWidth: 0, aliasDuplicateObjects: false })
    return [{ name: MANIFEST, text: parts.map((part) => `---\n${write(part)}`).join('') }]
  },
  async start(work, note) {
    const ids = namesOf(work, options)
    await note(ids)
    const words = ['kubectl', 'apply', '--filename', join(work.jobs, MANIFEST)]
    if ((await runTool(['kubectl', 'version', '--client'])) === null)
      return [`there is no kubectl here: start the jobs with ${words.map(quoteWord).join(' ')}`]
    await needTool('the jobs cannot be started', words).catch(async (error) => {
      const started = await askJobs(ids, options.namespace)
      throw started?.length ? refusedRest(error, 'a part of them', work.folder) : error
    })
    return []
  },
})

const kubectl = (namespace: string | undefined): string[] => [
  'kubectl',
  ...(namespace === undefined ? [] : ['--namespace', namespace]),
]

/** Names of the jobs: lower-case letters, digits and dashes, at most 63. That of an experiment begins with a letter or a digit. */
function namesOf({ name, shards }: JobWork, { submitted }: KubernetesOptions) {
  const stamp = submitted.replace(/\D/g, '').slice(2, 14)
  const dashed = name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const plain = dashed.slice(0, 30).replace(/-+$/, '')
  return { shards: shards.length ? `${plain}-${stamp}-shards` : null, collect: `${plain}-${stamp}-collect` }
}

/** @throws UserError for a path that the containers do not have */
function checkWithin({ folder, cwd, paths }: JobWork, mount: string): void {
  for (const [what, path] of [['the results folder', folder], ['the current folder', cwd], ...paths] as const)
    if (relative(mount, path).split(sep)[0] === '..')
      throw new UserError(
        `${what} ${path} is not within --mount ${mount}: the containers have no other folder of yours`,
      )
}

/** A text in which Kubernetes replaces no `$(NAME)`. */
const asIs = (text: string): string => text.replace(/\$(?=[$(])/g, () => '$$')

/** Exit code of a sweep that is done and has failed runs: to start it again changes nothing. */
const RUNS_FAILED = 3

/** @param onFailedRuns Kubernetes' word for what a pod with failed runs ends */
function jobOf(
  work: JobWork,
  { image, claim, mount, namespace }: KubernetesOptions,
  { name, command, onFailedRuns }: Record<'name' | 'command' | 'onFailedRuns', string>,
) {
  const { env, cwd, cpus, memory } = work
  const resources = { cpu: String(cpus), ...(memory !== undefined && { memory }) }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, ...(namespace !== undefined && { namespace }), labels: { app: 'deltalab' } },
    spec: {
      // A pod that the cluster evicts is started again and does not count; one that fails by itself does.
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: onFailedRuns, onExitCodes: { operator: 'In', values: [RUNS_FAILED] } },
        ],
      },
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [
            {
              name: 'deltalab',
              image,
              command: ['sh', '-c', asIs(command)],
              workingDir: cwd,
              env: Object.entries(env).map(([key, value]) => ({ name: key, value: asIs(value) })),
              resources: { requests: resources, limits: resources },
              volumeMounts: [{ name: 'shared', mountPath: mount }],
            },
          ],
          volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  }
}

/** The index of a pod, from 0, chooses a shard among those that are to be started. */
function shardsJob(work: JobWork, options: KubernetesOptions) {
  const words = [...work.program, ...work.sweep, ...work.ofShards].map(quoteWord)
  const command = `set -- ${work.shards.join(' ')}
shift "$JOB_COMPLETION_INDEX"
exec ${words.join(' ')} --shard "$1/${work.count}"
`
  const job = jobOf(work, options, { name: namesOf(work, options).shards!, command, onFailedRuns: 'FailIndex' })
  const { length } = work.shards
  // A shard that fails for good does not end the others.
  const indexed = { completionMode: 'Indexed', completions: length, parallelism: length, backoffLimitPerIndex: 2 }
  return { ...job, spec: { ...indexed, ...job.spec } }
}

/** Kubernetes has no order of jobs: this one waits for the time that each shard writes when it has finished. */
function collectJob(work: JobWork, options: KubernetesOptions) {
  const finished = work.shards.map((shard) => join(work.folder, 'shards', `${shard}-of-${work.count}`, 'meta.json'))
  const wait = `for meta in ${finished.map(quoteWord).join(' ')}; do
  until awk -F '"' '$2 == "finished" && $4 > "${options.submitted}" { done = 1 } END { exit !done }' "$meta" 2>/dev/null
  do sleep 20; done
done
`
  const command = `${finished.length ? wait : ''}exec ${[...work.program, ...work.sweep].map(quoteWord).join(' ')}\n`
  const job = jobOf(work, options, { name: namesOf(work, options).collect, command, onFailedRuns: 'FailJob' })
  return { ...job, spec: { backoffLimit: 2, ...job.spec } }
}

/** The part of a Job that is read. */
interface JobStatus {
  status?: { active?: number; succeeded?: number; failed?: number; conditions?: { type: string; status: string }[] }
}

async function askJobs(ids: JobIds, namespace: string | undefined): Promise<JobState[] | null> {
  const words = ['get', 'jobs', ...idsIn(ids), '--ignore-not-found', '--output', 'json']
  const ended = await runTool([...kubectl(namespace), ...words])
  if (ended?.code !== 0) return null
  // One job is given as itself, several as a list.
  const found = JSON.parse(ended.stdout.trim() || '{"items": []}') as JobStatus & { items?: JobStatus[] }
  return (found.items ?? [found]).map(({ status = {} }) => {
    const over = (status.conditions ?? []).find(
      ({ type, status: is }) => is === 'True' && ['Complete', 'Failed'].includes(type),
    )
    const counts = (['active', 'succeeded', 'failed'] as const).flatMap((key) =>
      status[key] ? [`${status[key]} ${key}`] : [],
    )
    return { shard: null, state: over?.type ?? (counts.join(', ') || 'waiting'), active: !over }
  })
}
