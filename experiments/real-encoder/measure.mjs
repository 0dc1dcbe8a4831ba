// Writes results/real-encoder/features.csv: edits of `fingerprints`, whose weights shrank by weight decay, from its base and from the base shrunk
// as much (derived.mjs); of each the mean cosine of its features (the mean of the last hidden states) with those of the fine-tune. And norms.csv:
// the norm of each tensor of the base. Needs a clone: it uses rooms of deltalab.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { edit, openPair } from '../../dist/bundle/index.js'
import { openModel } from '../../dist/src/checkpoint/index.js'
import { openReader, promptFeatures } from '../../dist/src/evaluate/index.js'
import { readWeights } from '../../dist/src/loss/index.js'
import { modelOf } from '../../dist/src/models/index.js'
import { loadTask, sliceTask } from '../../dist/src/tasks/index.js'
import { setBackend, tf } from '../../dist/src/tensor/index.js'

const POST = 'checkpoints/rxnfp/fingerprints'
const ITEMS = 50
const SEEDS = [1, 2, 3]
const EDITS = [
  { label: 'dare', seeds: SEEDS, editor: 'dare', drop_rate: 0.9 },
  { label: 'drop-only', seeds: SEEDS, editor: 'dare', drop_rate: 0.9, rescale: false },
  { label: 'bitdelta', seeds: [1], editor: 'bitdelta' },
]

const task = sliceTask(await loadTask('experiments/real-encoder/reactions.yaml'), 0, ITEMS)

/** [items, width] */
async function featuresOf(folder) {
  const checkpoint = await openModel(folder)
  const model = modelOf(checkpoint, folder)
  const weights = await readWeights(model, (name) => checkpoint.read(name))
  const values = await promptFeatures(model, weights, task, await openReader(checkpoint, model))
  tf.dispose(weights)
  await checkpoint.close()
  return Array.from({ length: ITEMS }, (_, i) => values.slice(i * model.width, (i + 1) * model.width))
}

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0)
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))

await setBackend('wasm')
const post = await featuresOf(POST)
const rows = []
const measure = async (base, label, seed, folder) => {
  const cosines = (await featuresOf(folder)).map((each, i) => cosine(each, post[i]))
  const mean = cosines.reduce((sum, x) => sum + x, 0) / ITEMS
  const spread = cosines.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (ITEMS - 1)
  rows.push([base, label, seed, mean, Math.sqrt(spread / ITEMS)].join(','))
}
const scratch = mkdtempSync(join(tmpdir(), 'features-'))
try {
  for (const base of ['base', 'shrunken']) {
    const pair = await openPair(`checkpoints/rxnfp/${base}`, POST, { ignoreUnmatched: true })
    await measure(base, 'none', '', pair.paths.base)
    for (const { label, seeds, ...editor } of EDITS)
      for (const seed of seeds) {
        const out = join(scratch, 'edited')
        await edit(pair, editor, { out, seed, overwrite: true })
        await measure(base, label, seed, out)
      }
    await pair.close()
  }
} finally {
  rmSync(scratch, { recursive: true })
}

const pair = await openPair('checkpoints/rxnfp/base', 'checkpoints/rxnfp/classes', { ignoreUnmatched: true })
const norms = []
for (const name of pair.names) {
  const values = await pair.base.read(name)
  norms.push(`${name},${Math.sqrt(dot(values, values))}`)
}
await pair.close()
writeFileSync('results/real-encoder/norms.csv', ['tensor,norm', ...norms, ''].join('\n'))
writeFileSync('results/real-encoder/features.csv', ['base,label,seed,cosine,se', ...rows, ''].join('\n'))
