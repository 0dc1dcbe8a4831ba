// submit, status and cancel, with programs in place of those of a cluster: what they are called with, and what is said of it.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { sweep } from '../../src/api/index.js'
import { lockFolder, shardFolder } from '../../src/record/index.js'
import { withoutSeconds } from '../plan/plans.js'
import { makePair } from '../run/pair.js'
import { call } from './call.js'

const folder = makePair()
after(() => rmSync(folder, { recursive: true }))
const config = `name: own
models: [{ name: llama3, base: base, post: post, tasks: [items.jsonl] }]
editors: [{ editor: dare, drop_rate: [0.5, 0.9] }, { editor: magnitude, drop_rate: 0.5 }]
seeds: 2
score: false
loss: { items: 2, riemann: false }
`
writeFileSync(join(folder, 'own.yaml'), config)

const bin = join(folder, 'bin')
mkdirSync(bin)
const say = (name: string, text: string) => writeFileSync(join(bin, `${name}.says`), text)
const calls = () => (existsSync(join(bin, 'calls')) ? readFileSync(join(bin, 'calls'), 'utf8').trim().split('\n') : [])
/** A program that notes its words, says what it is told to, and fails where it is told nothing. */
function pretend(...names: string[]) {
  for (const name of names) {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\necho "${name} $*" >> '${bin}/calls'\n[ -f '${bin}/${name}.says' ] || { echo "${name}: error: no such job" >&2; exit 1; }\ncat '${bin}/${name}.says'\n`,
    )
    chmodSync(join(bin, name), 0o755)
  }
}

async function run(...words: string[]) {
  rmSync(join(bin, 'calls'), { force: true })
  const { status, stdout, stderr } = await call(words, { cwd: folder, env: { PATH: `${bin}:/usr/bin:/bin` } })
  return { status, out: stdout, err: stderr }
}
const results = join(folder, 'results', 'own')
const csv = (out: string) => withoutSeconds(readFileSync(join(folder, 'results', out, 'runs.csv'), 'utf8'))

test('submit writes scripts, starts the array and what collects it, and refuses while they run', async () => {
  const dry = await run('submit', 'own.yaml', '--tasks', '3', '--dry-run')
  assert.equal(dry.status, 0, dry.err)
  assert.match(dry.out, /^# \S+jobs\/shards.sh\n#!\/bin\/bash\n/)
  const asJson = await run('submit', 'own.yaml', '--tasks', '3', '--dry-run', '--json', '--log-to', 'logs')
  const { runs, shards, files } = JSON.parse(asJson.out)
  assert.deepEqual([runs, shards, files.length], [5, [1, 2, 3], 2])
  assert.match(files[0].text, new RegExp(` --log-to ${join(folder, 'logs')} .* --shard `))
  assert.ok(!existsSync(join(folder, 'results')) && !existsSync(join(folder, 'logs')))
  // In a results folder that is there, too: the ids of its tokens are not kept.
  mkdirSync(results, { recursive: true })
  writeFileSync(join(folder, 'long.jsonl'), readFileSync(join(folder, 'items.jsonl'), 'utf8').repeat(50))
  const long = await run('submit', 'own.yaml', '--tasks', '3', '--dry-run', '--set', 'models.0.tasks=[long.jsonl]')
  assert.equal(long.status, 0, long.err)
  assert.deepEqual(readdirSync(results), [])
  rmSync(join(folder, 'results'), { recursive: true })
  const none = await call(['submit', 'own.yaml', '--tasks', '3'], { cwd: folder, env: { PATH: '/nowhere' } })
  assert.match(none.stderr, /the job cannot be submitted: there is no program sbatch/)

  pretend('sbatch', 'squeue', 'sacct', 'scancel')
  say('sbatch', '41;lab\n')
  const words = [
    '--cpus',
    '2',
    '--mem',
    '3G',
    '--time',
    '1:00:00',
    '--sbatch=--qos=long',
    '--env',
    "A=it's",
    '--set',
    'seeds=2',
  ]
  const { status, out, err } = await run('submit', 'own.yaml', '--tasks', '3', '--retry-failed', ...words)
  assert.equal(status, 0, err)
  assert.match(out, /^Slurm jobs 41 and 41: 5 runs in the shards 1-3 of 3, and what collects them\n/)
  const [array, collect] = calls()
  assert.equal(array, `sbatch --parsable ${join(results, 'jobs', 'shards.sh')}`)
  assert.equal(collect, `sbatch --parsable --dependency=afterany:41 ${join(results, 'jobs', 'collect.sh')}`)
  const script = readFileSync(join(results, 'jobs', 'shards.sh'), 'utf8')
  for (const line of [
    '#SBATCH --array=1-3',
    '#SBATCH --requeue',
    '#SBATCH --mem=3G',
    '#SBATCH --qos=long',
    "export A='it'\\''s'",
  ])
    assert.ok(script.includes(`\n${line}\n`), script)
  assert.match(
    script,
    /\nexec \S+node \S+main\.js sweep \S+own\.yaml .* --cores 2 --retry-failed --shard "\$SLURM_ARRAY_TASK_ID\/3"\n$/,
  )
  assert.doesNotMatch(readFileSync(join(results, 'jobs', 'collect.sh'), 'utf8'), /retry-failed|--shard/)

  // Another submit of the same results, that is not done yet.
  const lock = await lockFolder(join(results, 'jobs'))
  const twice = await run('submit', 'own.yaml', '--tasks', '3')
  lock.release()
  assert.match(twice.err, /jobs is being written by process \d+: another deltalab submit; wait for it\n$/)
  assert.deepEqual(
    calls().filter((line) => line.startsWith('sbatch')),
    [],
  )

  say('squeue', '41|1|RUNNING\n41|2|PENDING\n41|3|COMPLETED\n')
  const again = await run('submit', 'own.yaml', '--tasks', '3')
  assert.match(again.err, /have not ended \(Slurm jobs 41 and 41\): wait for them, or end them with deltalab cancel/)
  const waiting = await run('status', 'results/own')
  assert.match(waiting.out, /no run has started yet\n.*shard 1 RUNNING, shard 2 PENDING, shard 3 COMPLETED\n$/)
  const cancelled = await run('cancel', 'results/own')
  assert.deepEqual(
    [cancelled.err, calls().at(-1)],
    ['deltalab: the jobs cannot be ended: scancel: error: no such job\n', 'scancel 41 41'],
  )
  say('scancel', '')
  assert.match((await run('cancel', 'results/own')).out, /will end; rows that are finished stay/)
  // Slurm has forgotten the jobs, and its accounts remember them.
  rmSync(join(bin, 'squeue.says'))
  say('sacct', '41_1|CANCELLED by 0\n41_[2-3]|CANCELLED by 0\n')
  assert.match((await run('cancel', 'results/own')).out, /had ended already/)
  // Neither answers: that does not mean that the jobs have ended.
  rmSync(join(bin, 'sacct.says'))
  assert.match((await run('status', 'results/own')).out, /how they are cannot be asked from here\n$/)
  say('sacct', '41_1|CANCELLED by 0\n41_[2-3]|CANCELLED by 0\n')
})

test('an array whose collecting job is refused is named, and a shard that somebody writes is waited for', async () => {
  const script = `#!/bin/sh\ncase "$*" in *dependency*) echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1;; esac\necho 51\n`
  const usual = readFileSync(join(bin, 'sbatch'), 'utf8')
  writeFileSync(join(bin, 'sbatch'), script)
  const { status, err } = await run('submit', 'own.yaml', '--tasks', '2', '--out', "results/it's half")
  writeFileSync(join(bin, 'sbatch'), usual)
  assert.equal(status, 1)
  assert.match(
    err,
    /cannot be submitted: sbatch: error: QOSMax\w+; Slurm job 51 with the shards was started all the same: deltalab cancel '\S+it'\\''s half' ends it/,
  )
  say('squeue', '51|1|RUNNING\n')
  const again = await run('submit', 'own.yaml', '--tasks', '2', '--out', "results/it's half")
  assert.match(again.err, /have not ended \(Slurm job 51\): .* with deltalab cancel 'results\/it'\\''s half'/)
  rmSync(join(bin, 'squeue.says'))

  const shard = shardFolder(results, { index: 2, count: 8 })
  mkdirSync(shard, { recursive: true })
  const lock = await lockFolder(shard)
  const busy = await run('submit', 'own.yaml', '--tasks', '3')
  lock.release()
  rmSync(join(results, 'shards'), { recursive: true })
  assert.match(busy.err, /2-of-8 is being written by process \d+: wait for it; deltalab status \S+own shows how far/)
})

test('shards have the rows of one machine; only those that lack runs are submitted again', async () => {
  const alone = await run('sweep', 'own.yaml', '--out', 'results/alone', '--jobs', '1')
  const shard = (index: number) =>
    sweep(join(folder, 'own.yaml'), { out: results, jobs: 1, shard: { index, count: 3 } })
  assert.deepEqual(await shard(1), { planned: 2, done: 2, failed: 0, warnings: [], finished: true })
  await assert.rejects(shard(0), /1 ≤ index ≤ count ≤ 10000, .*; got \{"index":0,"count":3\}/)
  const asText = sweep(join(folder, 'own.yaml'), { out: results, shard: '1/3' as never })
  await assert.rejects(asText, /^UserError: shard must be \{ index, count \}, .*; got "1\/3"$/)
  const first = await run('sweep', 'own.yaml', '--shard', '1/3', '--jobs', '1')
  assert.deepEqual([alone.status, first.status], [0, 0], first.err)
  assert.match(
    first.out,
    /^shard 1\/3: 2 of 2 runs have their row; the same command without --shard collects all shards\n$/,
  )
  const compared = await run('compare', 'results/own', 'results/alone')
  assert.match(compared.out, /2 runs in both: 2 equal/)
  const table = await run('table', 'results/own')
  assert.match(table.err, /its shards are not collected; their rows are read, too/)
  const { out } = await run('status', 'results/own')
  assert.match(out, /^own: 2 of 5 runs done, 3 missing\n {2}1-of-3: 2 of 2 runs done, job CANCELLED\n/)
  assert.match(out, /nothing runs: deltalab submit does what is missing/)

  const submitted = await run('submit', 'own.yaml', '--tasks', '3')
  assert.match(submitted.out, /3 runs in the shards 2-3 of 3, and what collects them/)
  assert.match(readFileSync(join(results, 'jobs', 'shards.sh'), 'utf8'), /\n#SBATCH --array=2-3\n/)
  const collected = await run('sweep', 'own.yaml', '--jobs', '1')
  assert.match(collected.err, /note: results\/own: 2 rows of 1 shard collected\n/)
  assert.equal(csv('own'), csv('alone'))
  assert.ok(!existsSync(join(results, 'shards')))
  const nothing = await run('submit', 'own.yaml', '--tasks', '3')
  assert.match(nothing.out, /no run is missing; nothing is submitted\n$/)
  assert.match((await run('sweep', 'own.yaml', '--shard', '1/8')).out, /^shard 1\/8: no run is missing\n$/)
})

test('kubernetes: an index for each shard that lacks runs, and a job that waits for them', async () => {
  pretend('kubectl')
  const words = [
    '--engine',
    'kubernetes',
    '--image',
    'lab/deltalab',
    '--claim',
    'data',
    '--mem',
    '4Gi',
    '--env',
    'A=b c $(B) $$',
  ]
  const outside = await run(
    'submit',
    'own.yaml',
    '--tasks',
    '2',
    ...words,
    '--mount',
    '/elsewhere',
    '--out',
    'results/k8s',
  )
  assert.match(outside.err, /is not within --mount \/elsewhere: the containers have no other folder of yours/)
  assert.ok(!existsSync(join(folder, 'results', 'k8s')))
  say('kubectl', 'job created\n')
  const more = [...words, '--mount', folder, '--out', 'results/k8s']
  const { status, out, err } = await run('submit', 'own.yaml', '--tasks', '9', ...more)
  assert.equal(status, 0, err)
  const manifest = join(folder, 'results', 'k8s', 'jobs', 'jobs.yaml')
  assert.equal(calls().at(-1), `kubectl apply --filename ${manifest}`)
  const [shards, collect] = parseAllDocuments(readFileSync(manifest, 'utf8')).map((document) => document.toJS())
  assert.deepEqual([shards.spec.completionMode, shards.spec.completions, shards.spec.parallelism], ['Indexed', 5, 5])
  const [container] = shards.spec.template.spec.containers
  assert.match(
    container.command[2],
    /^set -- (\d \d \d \d \d)\nshift "\$JOB_COMPLETION_INDEX"\nexec deltalab sweep \S+own\.yaml .* --shard "\$1\/9"\n$/,
  )
  assert.deepEqual(container.env, [{ name: 'A', value: 'b c $$(B) $$$' }])
  assert.match(collect.spec.template.spec.containers[0].command[2], /^for meta in (\S+meta\.json ?){5}; do\n/)
  assert.deepEqual(
    [shards, collect].map(({ spec }) => spec.podFailurePolicy.rules.at(-1)),
    ['FailIndex', 'FailJob'].map((action) => ({ action, onExitCodes: { operator: 'In', values: [3] } })),
  )
  assert.deepEqual([shards.spec.backoffLimitPerIndex, collect.spec.backoffLimit], [2, 2])
  assert.match(out, new RegExp(`^Kubernetes jobs ${shards.metadata.name} and ${collect.metadata.name}: 5 runs`))

  const job = (status: object) => ({ status })
  say('kubectl', JSON.stringify({ items: [job({ active: 2, succeeded: 3 }), job({})] }))
  assert.match((await run('status', 'results/k8s')).out, /: 2 active, 3 succeeded, waiting\n$/)
  assert.match((await run('submit', 'own.yaml', '--tasks', '9', ...more)).err, /have not ended/)
  await run('cancel', 'results/k8s')
  assert.match(calls().at(-1)!, /^kubectl delete --ignore-not-found job\/own-\d+-shards job\/own-\d+-collect$/)
})

test('what is asked wrongly is said before anything is read', async () => {
  const said = async (...words: string[]) => (await run(...words)).err.trim()
  const submit = (...words: string[]) => said('submit', 'own.yaml', ...words)
  assert.equal(
    await submit('--tasks', '2', '--image', 'x'),
    'deltalab: --image is for --engine kubernetes; this is slurm',
  )
  assert.equal(await submit('--tasks', '2', '--engine', 'kubernetes'), 'deltalab: --engine kubernetes needs --image')
  assert.equal(await submit('--tasks', '0'), 'deltalab: --tasks must be a positive integer; got 0')
  assert.equal(await submit('--tasks', '2', '--mem', '3 G'), 'deltalab: --mem must be one word; got "3 G"')
  assert.equal(await submit('--tasks', '2', '--env', 'A'), 'deltalab: --env must be KEY=VALUE; got A')
  for (const shard of ['0/4', '5/4', '3', 'a/b'])
    assert.match(
      await said('sweep', 'own.yaml', '--shard', shard),
      /--shard is a number and how many there are \(at most 10000\), 1\/16 to 16\/16/,
    )
  assert.match(await said('cancel', 'results/none'), /has no jobs: nothing was submitted for it/)
  assert.match(await said('status', 'results/none'), /results\/none is not there/)
})
