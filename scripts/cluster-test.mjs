// A sweep in shards, as engines of clusters start it: on a real Slurm of two nodes, which this script starts on this machine and ends
// again, with a task killed, one requeued and a node down in the middle; by the commands of the manifest for Kubernetes; and by xargs
// (or GNU parallel). The rows must be those of one process, to the last bit.
//   node scripts/cluster-test.mjs
// It needs a build. Slurm needs root, and slurmctld, slurmd and munged (Debian: slurm-wlm and munge); without, that part is left out.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('..', import.meta.url))
const main = join(repository, 'dist', 'bundle', 'cli', 'main.js')
const root = mkdtempSync(join(tmpdir(), 'deltalab-cluster-'))
const bin = join(repository, 'node_modules', '.bin')
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, DELTALAB_BACKEND: 'wasm' }
const inRoot = { cwd: root, env }
const deltalab = (...words) => run(process.execPath, [main, ...words], inRoot)
const small = (name) => join(repository, 'checkpoints', 'small', name)
writeFileSync(
  join(root, 'study.yaml'),
  JSON.stringify({
    name: 'study',
    models: [
      { name: 'a', base: small('base'), post: small('math'), tasks: ['math'] },
      { name: 'b', base: small('base'), post: small('code'), tasks: ['code'] },
    ],
    editors: [{ editor: 'dare', drop_rate: [0.1, 0.5, 0.9] }],
    seeds: 5,
    score: false,
    loss: { items: 64, riemann: false },
  }),
)

/** The rows without their times. */
function rowsOf(out) {
  const [head, ...lines] = readFileSync(join(root, out, 'runs.csv'), 'utf8')
    .trim()
    .split('\n')
  const names = head.split(',')
  const fromEnd = names.length - names.indexOf('seconds')
  return lines.map((line) => line.split(',').toSpliced(-fromEnd, 1).join(',')).join('\n')
}

function compare(out, what) {
  if (rowsOf(out) !== rowsOf('alone')) throw new Error(`${what}: the rows are not those of one process (${root})`)
  if (existsSync(join(root, out, 'shards'))) throw new Error(`${what}: a shard is left (${root})`)
  console.log(`${what}: the rows are those of one process`)
}

async function tryKubernetes() {
  const words = ['--engine', 'kubernetes', '--image', 'x', '--claim', 'x', '--mount', root, '--tasks', '2']
  const { stdout } = await deltalab('submit', 'study.yaml', ...words, '--out', 'pods', '--dry-run')
  const commands = parseAllDocuments(stdout).map((document) => document.toJS().spec.template.spec.containers[0].command)
  const pod = ([shell, ...rest], index) =>
    run(shell, rest, { cwd: root, env: { ...env, JOB_COMPLETION_INDEX: String(index) } })
  const [shards, collect] = commands
  await Promise.all([pod(shards, 0), pod(shards, 1), pod(collect, 0)])
  compare('pods', 'the commands of the manifest')
}

async function tryXargs() {
  const version = await run('parallel', ['--version']).catch(() => ({ stdout: '' }))
  const starter = version.stdout.startsWith('GNU') ? 'parallel --jobs 2' : 'xargs -P 2 -I{}'
  await run('sh', ['-c', `seq 2 | ${starter} deltalab sweep study.yaml --shard {}/2 --cores 1 --out lines`], inRoot)
  await deltalab('sweep', 'study.yaml', '--out', 'lines')
  compare('lines', starter.split(' ')[0])
}

/** A port that nothing listens on. */
const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })

const slurmFolder = join(root, 'slurm')
const slurmEnv = { ...env, SLURM_CONF: join(slurmFolder, 'slurm.conf') }
const slurm = (...words) => run(words[0], words.slice(1), { cwd: root, env: slurmEnv })
const shell = async (...words) => (await slurm(...words)).stdout

/** Starts munge and Slurm with files of their own. @returns why not, or null */
async function startSlurm() {
  const programs = ['munged', 'slurmctld', 'slurmd']
  const there = (name) => ['/usr/sbin', '/usr/bin', '/sbin'].some((folder) => existsSync(join(folder, name)))
  if (process.getuid() !== 0) return 'it needs root'
  if (!programs.every(there)) return 'Slurm is not installed (Debian: slurm-wlm and munge)'
  for (const name of ['', 'state', 'spool.n1', 'spool.n2']) mkdirSync(join(slurmFolder, name), { recursive: true })
  const at = (name) => join(slurmFolder, name)
  const [control, first, second] = await Promise.all([freePort(), freePort(), freePort()])
  writeFileSync(
    at('slurm.conf'),
    `ClusterName=test
SlurmctldHost=localhost
SlurmctldPort=${control}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${at('munge.socket')},cred_expire=5
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool.%n')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.%n.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.%n.log')}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,defer
ReturnToService=2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=${first} CPUs=1 RealMemory=100
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=${second} CPUs=1 RealMemory=100
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
`,
  )
  writeFileSync(at('munge.key'), Buffer.alloc(64, root), { mode: 0o600 })
  const own = ['key', 'socket', 'pid', 'log', 'seed'].map((name) => {
    const option = { key: 'key-file', pid: 'pid-file', log: 'log-file', seed: 'seed-file' }[name] ?? name
    return `--${option}=${at(`munge.${name}`)}`
  })
  try {
    await slurm('munged', '--force', ...own)
    await slurm('slurmctld')
    for (const node of ['n1', 'n2']) await slurm('slurmd', '-N', node)
    await until('two idle nodes', async () => (await shell('sinfo', '-hN', '-o', '%T')).trim() === 'idle\nidle', 20)
  } catch (error) {
    return `it does not start here: ${String(error.message).trim().split('\n').at(-1)}`
  }
  return null
}

function stopSlurm() {
  for (const name of ['slurmd.n1', 'slurmd.n2', 'slurmctld', 'munge']) {
    const path = join(slurmFolder, `${name}.pid`)
    if (existsSync(path)) process.kill(Number(readFileSync(path, 'utf8')))
  }
}

async function until(what, holds, seconds) {
  for (let tries = 0; tries < 5 * seconds; tries++) {
    if (await holds().catch(() => false)) return
    await setTimeout(200)
  }
  throw new Error(`waited for ${seconds} s in vain: ${what}`)
}

async function trySlurm() {
  const submit = () =>
    slurm(process.execPath, main, 'submit', 'study.yaml', '--tasks', '4', '--out', 'cluster', '--backend', 'wasm')
  const shard = (index) => join(root, 'cluster', 'shards', `${index}-of-4`)
  const hasRows = (index, number) => async () =>
    readFileSync(join(shard(index), 'runs.csv'), 'utf8').split('\n').length > number + 1
  await submit()
  const { jobs } = JSON.parse(readFileSync(join(root, 'cluster', 'jobs', 'submission.json'), 'utf8'))
  const refused = await submit().catch((error) => error.stderr)
  if (!/have not ended/.test(refused)) throw new Error(`a second submission was not refused: ${refused}`)
  await until('rows of shard 1', hasRows(1, 2), 60)
  // Out of memory, say: the process dies at once, and its lock stays.
  process.kill(Number(readFileSync(join(shard(1), 'sweep.lock'), 'utf8').split(' ')[0]), 'SIGKILL')
  await until('rows of shard 2', hasRows(2, 2), 60)
  await slurm('scontrol', 'requeue', `${jobs.shards}_2`)
  await until('rows of shard 3', hasRows(3, 1), 60)
  await slurm('scontrol', 'update', 'nodename=n2', 'state=down', 'reason=test')
  await setTimeout(1000)
  await slurm('scontrol', 'update', 'nodename=n2', 'state=resume').catch(() => undefined)
  const isEnded = async () => (await shell('squeue', '--noheader')).trim() === ''
  await until('the end of all jobs', isEnded, 120)
  const { stdout } = await slurm(process.execPath, main, 'status', 'cluster')
  if (!/^study: 30 of 30 runs done\n.*collecting job COMPLETED\n$/s.test(stdout))
    throw new Error(`status says ${stdout}`)
  compare('cluster', 'Slurm, with a task killed, one requeued and a node down')
}

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    stopSlurm()
    process.exit(1)
  })
try {
  await deltalab('sweep', 'study.yaml', '--out', 'alone')
  await tryKubernetes()
  await tryXargs()
  const why = await startSlurm()
  if (why === null) await trySlurm()
  else console.log(`the test on Slurm is left out: ${why}`)
} catch (error) {
  process.exitCode = 1
  console.error(error.stderr || error)
  for (const name of ['shard-1', 'shard-2', 'shard-3', 'shard-4', 'collect']) {
    const log = join(root, 'cluster', 'jobs', `${name}.log`)
    if (existsSync(log)) console.error(`${name}: ${readFileSync(log, 'utf8').slice(-500)}`)
  }
} finally {
  stopSlurm()
}
if (!process.exitCode) rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
