// Writes results/palt/merges.csv: of the base, the PALT deltas of both parts of the graph, and their merges, the scores of the parts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate, merge } from '../../dist/bundle/index.js'

const folder = 'checkpoints/knowledge'
const TASKS = ['triples-kin', 'links-kin', 'triples-places', 'links-places']
const MERGERS = {
  'task arithmetic, λ = 0.5': { merge_method: 'task_arithmetic', parameters: { weight: 0.5 } },
  'task arithmetic, λ = 1': { merge_method: 'task_arithmetic', parameters: { weight: 1 } },
  TIES: { merge_method: 'ties', parameters: { weight: 1, density: 0.5 } },
}

const rows = []
const measure = async (words, seed, model) => {
  const scores = []
  for (const task of TASKS) scores.push((await evaluate(model, { task })).score)
  rows.push([JSON.stringify(words), seed, ...scores].join(','))
}

const scratch = mkdtempSync(join(tmpdir(), 'palt-'))
try {
  await measure('base', '', `${folder}/base`)
  for (const seed of [1, 2, 3, 4, 5]) {
    const parts = ['kin', 'places'].map((part) => `${folder}/palt-${part}-${seed}`)
    for (const part of parts) await measure(part.split('/').at(-1).replace(/-\d$/, ''), seed, part)
    for (const [words, config] of Object.entries(MERGERS)) {
      const out = join(scratch, `${rows.length}`)
      await merge({ ...config, base_model: `${folder}/base`, models: parts.map((model) => ({ model })) }, { out })
      await measure(words, seed, out)
    }
  }
} finally {
  rmSync(scratch, { recursive: true })
}
writeFileSync('results/palt/merges.csv', [`merger,seed,${TASKS.join(',')}`, ...rows, ''].join('\n'))
