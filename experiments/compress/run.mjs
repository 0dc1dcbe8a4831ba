// Stores pairs by every codec, counts the bytes of the files, and measures what they keep. Results: results/compress.
//   node experiments/compress/run.mjs   (after a build)
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { compress, evaluate } from '../../dist/bundle/index.js'
import { drawFrontier } from './frontier.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const main = join(root, 'dist/bundle/cli/main.js')
const out = join(root, 'results/compress')
const config = parse(readFileSync(join(root, 'configs/compress.yaml'), 'utf8'))
const { models, editors, seeds, loss } = config
const at = (path) => (path.startsWith('.') ? resolve(root, 'configs', path) : path)
const { items } = loss

/** The codecs that store the result of an editor. */
const CODECS = {
  bitdelta: ['sign'],
  magnitude: ['bitmask', 'index'],
  dare: ['index'],
  quantise: ['bits'],
  lowrank: ['low_rank'],
  delta_come: ['bands'],
}
/** Of the codecs that have an editor of their own: numbers in half precision, and no bytes for the rounding of entries. */
const STORED = {
  sign: { restore: false },
  bits: { values: 'bf16', restore: false },
  low_rank: { values: 'bf16', restore: false },
  bands: { values: 'bf16', restore: false },
}
/** Bits for each parameter: a sixteenth and a thirty-second part of bf16. */
const BUDGETS = [1, 0.5]

/** Every form of a file: a codec with its options, and the seed of a random one. */
function forms() {
  const found = [
    { codec: 'lossless', editor: 'none', options: {}, seed: null },
    { codec: 'raw', editor: 'none', options: {}, seed: null },
    { codec: 'dense', editor: 'none', options: { values: 'bf16' }, seed: null },
  ]
  for (const { editor, ...options } of editors) {
    const [axis, values] = Object.entries(options).find(([, given]) => Array.isArray(given))
    for (const value of values)
      for (const codec of CODECS[editor])
        for (const seed of editor === 'dare' ? Array.from({ length: seeds }, (_, i) => i + 1) : [null])
          found.push({ codec, editor, options: { ...options, [axis]: value }, seed })
  }
  return found
}

/** The files of `compress --budget`: it chooses by the last items of the task, and the first ones are measured. */
async function choose(base, post, task, folder) {
  const found = []
  for (const bits of BUDGETS) {
    const file = join(folder, `${basename(post)}-${bits}.delta`)
    const words = ['compress', base, post, '--budget', `${bits}bit`, '--task', task, '--items', String(items)]
    const { stdout } = await run(process.execPath, [main, ...words, '--out', file, '--json'], { maxBuffer: 1e8 })
    found.push({ bits, file, report: JSON.parse(stdout) })
  }
  return found
}

/** Bits for each parameter of the named tensors. */
function bitsOf({ tensors }, names) {
  const paired = tensors.filter(({ name }) => names.has(name))
  const parameters = paired.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  return (8 * paired.reduce((sum, { stored }) => sum + stored, 0)) / parameters
}

/** SHA-256 of the weights of a model. */
const sumOf = (folder) =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'model.safetensors')))
    .digest('hex')

/** Tensors by codec, the most used one first. */
function countCodecs({ tensors }) {
  const counts = new Map()
  for (const { base, codec } of tensors) if (base !== null) counts.set(codec, (counts.get(codec) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

const scratch = mkdtempSync(join(tmpdir(), 'deltalab-experiment-'))
const results = []
try {
  for (const { name: family, base: baseGiven, post: postGiven, tasks } of models) {
    const [base, post, task] = [at(baseGiven), at(postGiven), at(tasks[0])]
    const of = await evaluate(post, { task, items })
    /** Tensors that have a base. */
    let paired
    const measure = async (file, report, facts) => {
      paired ??= new Set(report.tensors.filter((tensor) => tensor.base !== null).map(({ name }) => name))
      const found = await evaluate(`${base}+${file}`, { task, items })
      results.push({
        ...{ family, task: found.task, ...facts, bytes: report.stored, bits_per_parameter: bitsOf(report, paired) },
        ...{ loss: found.loss, loss_post: of.loss, loss_change: found.loss - of.loss },
        ...{ score: found.score, score_post: of.score },
      })
      process.stdout.write(`${JSON.stringify(results.at(-1))}\n`)
    }
    // Two processes: one chooses while the other measures. The lossless form comes first.
    const choosing = choose(base, post, task, scratch)
    for (const { codec, editor, options, seed } of forms()) {
      const file = join(scratch, 'model.delta')
      const named = ['bitmask', 'index'].includes(codec) ? { editor } : {}
      const asked =
        codec === 'lossless'
          ? {}
          : { codec: { codec, options: { ...named, ...options, ...STORED[codec] } }, seed: seed ?? 0 }
      const report = await compress(base, post, { out: file, overwrite: true, ...asked })
      await measure(file, report, { codec, editor, ...options, seed })
    }
    for (const { bits, file, report } of await choosing) {
      const { by, estimated, together, learned } = report.choice
      const told = { by, estimated, together, learned: learned.change, codecs: countCodecs(report) }
      await measure(file, report, { codec: 'chosen', editor: 'none', budget: bits, ...told, seed: null })
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
mkdirSync(out, { recursive: true })
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const inputs = Object.fromEntries(
  [...new Set(models.flatMap(({ base, post }) => [base, post]))].map((path) => [path, sumOf(at(path))]),
)
const record = { deltalab: version, node: process.version, config, inputs, items, results }
writeFileSync(join(out, 'summary.json'), `${JSON.stringify(record, null, 1)}\n`)
await drawFrontier(results, out)
