// Runs the same commands with this build and with another one and compares all that they write: ids, rows, and the bytes
// of checkpoints. For changes that must change nothing.
//   node scripts/compare.mjs <folder of the other build> [--keep]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const other = process.argv[2] && resolve(process.argv[2])
if (!other) {
  console.error('usage: node scripts/compare.mjs <folder of the other build> [--keep]')
  process.exit(2)
}
const models = (name) => join(here, 'checkpoints', name)
const small = models('small/base')

/** Every way of a run: chains, selections, merges of deltas, routed weights, data of mergers, Riemann sums, validation. */
const EXPERIMENT = `name: compared
models:
  - { name: small, base: ${small}, post: ${models('small/math')}, tasks: [math] }
  - { name: small, base: ${small}, post: ${models('small/code')}, tasks: [code] }
editors:
  - { editor: dare, drop_rate: [0.5, 0.9] }
  - { editor: darex, drop_rate: 0.9, q: 0.3 }
  - { editor: magnitude, drop_rate: 0.9, tensors: { include: [linear] } }
  - { editor: bitdelta }
  - { editor: lowrank, rank: 4 }
  - { editor: ultradelta, drop_rate: 0.8 }
  - { editor: expo, alpha: 0.3 }
merges:
  - { merger: ties, posts: &set [[math, code]], drop_rate: 0.5 }
  - { merger: task_arithmetic, posts: *set, lambda: [0.5, 0.75], edit: { editor: dare, drop_rate: 0.8 } }
  - { merger: twin, posts: *set, gates: routed, fraction: 0.1 }
  - { merger: fisher, posts: *set }
  - { merger: regmean, posts: *set }
seeds: 2
score: { items: 8, validation: 8 }
loss: { items: 16, rule: midpoint, steps: 3 }
data: { items: 16 }
report: { x: drop_rate, y: loss_change }
`
const MERGE = `merger: ties
base_model: ${small}
seed: 1
models:
  - model: ${models('small/math')}
    editors: [{ editor: dare, drop_rate: 0.9 }]
  - model: ${models('small/code')}
    parameters: { drop_rate: 0.5 }
`
const MERGEKIT = `merge_method: dare_ties
base_model: ${small}
models:
  - model: ${models('small/math')}
    parameters: { weight: 0.6, density: 0.5 }
  - model: ${models('small/code')}
    parameters: { weight: 0.4, density: 0.5 }
dtype: bfloat16
`

/** Name of a comparison → its command, in which `OUT` is the output folder and a folder of checkpoints has its name. */
const COMMANDS = {
  sweep: 'sweep sweep.yaml --out OUT --jobs 1',
  plan: 'plan sweep.yaml --json',
  'edit dare': 'edit small/base small/math --editor dare --drop 0.9 --seed 3 --out OUT',
  'edit lowrank': 'edit large/base large/code --editor lowrank --rank 2 --out OUT',
  merge: 'merge merge.yaml OUT',
  'merge of mergekit': 'merge mergekit.yaml OUT',
  extract: 'extract small/base small/math --rank 4 --out OUT',
  inspect: 'inspect small/base small/math --json',
  eval: 'eval small/math --task math --items 32 --json',
  attribute: 'attribute small/base small/math --editor magnitude --drop 0.9 --task math --items 16 --json',
  'attribute in a bound':
    'attribute small/base small/math --editor dare --drop 0.9 --task math --items 16 --memory 64MB --json',
  'eval of images': 'eval vision/digit --task digit --items 32 --json',
  information: 'information small/math OUT --kind fisher --task math --items 16',
}

/** What may differ: times, versions, the commit, paths of the output. */
function settle(text) {
  return text
    .replace(/"(seconds|started|finished|date|version|commit|created|duration)[^"]*": ?("[^"]*"|[\d.e-]+)/g, '"$1": 0')
    .replace(/compared-\w+/g, 'compared')
    .replace(/(\| deltalab \| |"deltalab": ?")[\d.]+/g, '$1')
}

/** A CSV without its column of seconds. */
function settleRows(text) {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g))
  const at = lines[0].findIndex((cell) => /^"?seconds"?,?$/.test(cell))
  return lines.map((cells) => cells.filter((_, i) => i !== at).join('')).join('\n')
}

function filesOf(folder) {
  try {
    return (
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        // What is measured is kept by the build that measured it.
        .filter((path) => statSync(join(folder, path)).isFile() && !path.startsWith('measured'))
        .sort()
    )
  } catch {
    return []
  }
}

function contentOf(path) {
  const bytes = readFileSync(path)
  if (/\.csv$/.test(path)) return settleRows(bytes.toString())
  // The manifest has the hashes of the other files, which are compared themselves.
  if (path.endsWith('.deltalab.json')) return settle(bytes.toString().replace(/"[0-9a-f]{32}"/g, '""'))
  if (/\.(json|md|yaml|svg|tex)$/.test(path)) return settle(bytes.toString())
  if (path.endsWith('.safetensors'))
    return createHash('sha256')
      .update(settle(bytes.toString('latin1')), 'latin1')
      .digest('hex')
  return createHash('sha256').update(bytes).digest('hex')
}

const folder = mkdtempSync(join(tmpdir(), 'compared-'))
writeFileSync(join(folder, 'sweep.yaml'), EXPERIMENT)
writeFileSync(join(folder, 'merge.yaml'), MERGE)
writeFileSync(join(folder, 'mergekit.yaml'), MERGEKIT)

/** The program of a build. */
const mainOf = (build) => join(build, JSON.parse(readFileSync(join(build, 'package.json'), 'utf8')).bin.deltalab)

function runOne(build, name, command) {
  const out = join(folder, build === here ? 'new' : 'old', name.replaceAll(' ', '-'))
  const words = command.split(' ').map((word) => (/^(small|large|vision)\//.test(word) ? models(word) : word))
  mkdirSync(dirname(out), { recursive: true })
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [mainOf(build), ...words.map((word) => (word === 'OUT' ? out : word))],
    { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  const printed = words.includes('--json') ? settle(stdout) : ''
  return { status, printed, stderr, out }
}

let different = 0
for (const [name, command] of Object.entries(COMMANDS)) {
  const [before, after] = [other, here].map((build) => runOne(build, name, command))
  const found = []
  if (before.status !== 0 || after.status !== 0)
    found.push(
      `exit status ${before.status} and ${after.status}: ${[before, after].map((each) => each.stderr.trim().split('\n').at(-1)).join(' | ')}`,
    )
  if (before.printed !== after.printed) found.push('what is printed')
  const [old, now] = [filesOf(before.out), filesOf(after.out)]
  for (const path of new Set([...old, ...now])) {
    if (!now.includes(path)) found.push(`${path} is missing`)
    else if (!old.includes(path)) found.push(`${path} is new`)
    else if (contentOf(join(before.out, path)) !== contentOf(join(after.out, path))) found.push(path)
  }
  different += found.length
  console.log(`${name}: ${found.length ? `DIFFERENT: ${found.join('; ')}` : `the same, ${now.length} files`}`)
}
if (process.argv.includes('--keep')) console.log(folder)
else rmSync(folder, { recursive: true })
process.exitCode = different ? 1 : 0
