// Stops every command that can run for over two seconds, in a pseudo-terminal, at ten moments of its run, by Ctrl-C and by SIGTERM in
// turn with each moment tried with both. Prints a table: the longest time to the end, exit codes, what is wrong with the terminal, and
// what is left on the disk. Then the same command is run to its end over what was left, and must succeed.
//   node scripts/interrupt-test.mjs [command ...] [--moments 10]
// It computes on wasm; the variable DELTALAB_BACKEND names another backend.
// It needs `script` (util-linux, or that of macOS) and a build. It fails where a stop takes over a second, an exit code is another one,
// the terminal is not as before, or a lock, a half-written or a temporary folder is left that no command goes on with.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { faultsOf, inTerminal } from '../dist/test/cli/terminal.js'

const { values: given, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: { moments: { type: 'string', default: '10' } },
})
const moments = Number(given.moments)
const root = mkdtempSync(join(tmpdir(), 'deltalab-interrupt-'))
const scratch = join(root, 'scratch')
mkdirSync(scratch)
const at = (name) => join(root, name)
const repository = fileURLToPath(new URL('..', import.meta.url))
const small = (name) => join(repository, 'checkpoints', 'small', name)
const put = (name, value) => (
  writeFileSync(at(name), typeof value === 'string' ? value : JSON.stringify(value)), at(name)
)

const config = put('big.json', {
  model_type: 'llama',
  hidden_size: 1024,
  intermediate_size: 2816,
  num_hidden_layers: 8,
  num_attention_heads: 16,
  vocab_size: 32000,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
})
const merge = put('merge.yml', {
  merge_method: 'ties',
  base_model: at('base'),
  models: ['one', 'two'].map((name) => ({ model: at(name), parameters: { weight: 0.5, density: 0.4 } })),
})
const twin = put('twin.yaml', {
  merger: 'twin',
  base_model: small('base'),
  models: ['math', 'code'].map((name) => ({ model: small(name) })),
})
const items = join(repository, 'checkpoints', 'tasks', 'code.train.jsonl')
const train = put('train.yaml', {
  name: 'trained',
  from: small('base'),
  tokenizer: small('base'),
  out: at('out'),
  items,
  batch: 32,
  steps: 12,
  save_every: 4,
  learning_rate: 1e-4,
})
const zeroth = put('zeroth.yaml', {
  name: 'zeroth',
  from: small('base'),
  items,
  task: 'code',
  held_out: 16,
  runs: [{ name: 'mezo', method: 'mezo', seed: 1, steps: 15, learning_rate: 1e-4 }],
})
const math = [small('base'), small('math')]
const task = ['--task', 'math']
const out = ['--out', at('out')]

/** The words of each command; what it writes is called `out`. */
const COMMANDS = {
  sweep: ['sweep', 'quickstart', ...out],
  inspect: ['inspect', at('base'), at('one'), '--roles'],
  edit: ['edit', at('base'), at('one'), '--editor', 'magnitude', '--drop', '0.5', ...out],
  merge: ['merge', merge, ...out],
  compress: ['compress', at('base'), at('one'), '--lossless', '--out', at('out.delta')],
  apply: ['apply', at('base'), at('one.delta'), ...out],
  extract: ['extract', at('base'), at('one'), '--rank', '16', ...out],
  random: ['random', config, '--near', at('base'), '--seed', '5', ...out],
  eval: ['eval', small('math'), ...task, '--items', '512'],
  attribute: ['attribute', ...math, ...task, '--editor', 'dare', '--drop', '0.5', '--items', '32'],
  bounded: ['attribute', ...math, ...task, '--editor', 'dare', '--drop', '0.5', '--items', '16', '--memory', '1GB'],
  darex: ['calibrate', 'darex', ...math, ...task, '--drop', '0.99', '--items', '32'],
  bitdelta: ['calibrate', 'bitdelta', ...math, ...task, '--steps', '15', '--items', '32', ...out],
  information: ['information', small('math'), ...out, ...task, '--kind', 'fisher', '--items', '64'],
  soup: ['soup', small('math'), small('code'), ...task, '--items', '64', ...out],
  route: ['route', twin, '--task', 'math,code', '--items', '64'],
  train: ['train', train],
  zeroth: ['zeroth', zeroth, ...out],
}

/** Names under a folder that a stopped command must not leave. */
function leftIn(folder) {
  const names = readdirSync(folder, { recursive: true })
  return names.filter((name) => /lock|\.part$|\.tmp$/.test(basename(name)))
}
/** What lies beside `out`, and whether the next run goes on with it. */
function around() {
  const found = readdirSync(root).filter((name) => name.startsWith('out'))
  const kept = found.filter((name) => !name.includes('.partial-') || existsSync(join(root, name, '.deltalab-journal')))
  return { kept, lost: found.filter((name) => !kept.includes(name)) }
}
function clear() {
  for (const name of readdirSync(root)) if (name.startsWith('out')) rmSync(at(name), { recursive: true })
}

const run = (words, stop) => inTerminal(words, { cwd: root, env: { TMPDIR: scratch }, stop })

async function whole(words) {
  const started = performance.now()
  const { code, screen } = await run(words)
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${screen.slice(-500)}`)
  return performance.now() - started
}

/** Stops one command at all moments. @returns the line of the table, and what is wrong */
async function stopAtMoments(name, words) {
  clear()
  const duration = await whole(words)
  clear()
  const faults = []
  const [times, codes, kept] = [[], new Map(), new Set()]
  let said = ''
  for (let i = 0; i < moments; i++)
    for (const [stop, wanted] of [
      ['Ctrl-C', 130],
      ['SIGTERM', 143],
    ]) {
      const moment = ((i + 0.5) / moments) * duration
      const { code, milliseconds, screen } = await run(words, (_, gone) => (gone > moment ? [stop] : undefined))
      // It was faster this time.
      if (milliseconds === null || code === 0) {
        clear()
        continue
      }
      times.push(milliseconds)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      const last = screen.trimEnd().split('\r\n').at(-1)
      if (last.length > said.length) said = last
      const { kept: found, lost } = around()
      for (const each of found) kept.add(each.replace(/partial-\w+/, 'partial-…'))
      const where = `${name}, ${stop} after ${(moment / 1000).toFixed(2)} s`
      const wrong = [
        ...(milliseconds > 1000 ? [`it took ${Math.round(milliseconds)} ms`] : []),
        ...(code === wanted ? [] : [`it ended with ${code}`]),
        ...(/^(\^C)*$/.test(screen) || last.startsWith('deltalab: stopped') ? [] : [`it said ${JSON.stringify(last)}`]),
        ...faultsOf(screen),
        ...[...lost, ...leftIn(root), ...readdirSync(scratch)].map((each) => `${each} is left`),
      ]
      for (const each of wrong) faults.push(`${where}: ${each}`)
      // Half of the stops find what the one before left.
      if (stop === 'SIGTERM' && i % 2) clear()
    }
  await whole(words)
  clear()
  times.sort((a, b) => a - b)
  const middle = times[times.length >> 1] ?? NaN
  const cells = [
    name,
    (duration / 1000).toFixed(1),
    times.length,
    Math.round(middle),
    Math.round(times.at(-1) ?? NaN),
    [...codes].map(([code, count]) => `${code} (${count})`).join(', '),
    [...kept].sort().join(', ') || '–',
    said.replaceAll(root, '').replace('deltalab: ', ''),
  ]
  return { line: `| ${cells.join(' | ')} |`, faults }
}

const wanted = Object.entries(COMMANDS).filter(([name]) => !chosen.length || chosen.includes(name))
try {
  const isLarge = wanted.some(([, words]) => words.includes(at('base')) || words.includes(merge))
  if (isLarge) await whole(['random', config, '--out', at('base')])
  for (const [i, name] of (isLarge ? ['one', 'two'] : []).entries())
    await whole(['random', config, '--near', at('base'), '--seed', String(i + 1), '--out', at(name)])
  if (wanted.some(([name]) => name === 'apply'))
    await whole(['compress', at('base'), at('one'), '--lossless', '--out', at('one.delta')])
  console.log('| command | s | stops | median ms | longest ms | exit codes | kept | last words |')
  console.log('|---|---|---|---|---|---|---|---|')
  const faults = []
  for (const [name, words] of wanted) {
    const { line, faults: found } = await stopAtMoments(name, words)
    console.log(line)
    faults.push(...found)
  }
  for (const fault of faults) console.log(`- ${fault}`)
  if (faults.length) process.exitCode = 1
} finally {
  rmSync(root, { recursive: true })
}
