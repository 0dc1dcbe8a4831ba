// Writes results/palt/models.csv: of the base and every fine-tune the trained parameters and all scores of both tasks on all items.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { evaluate } from '../../dist/bundle/index.js'

const folder = 'checkpoints/knowledge'
const COLUMNS = ['acc', 'f1', 'mrr', 'mean_rank', 'hits_at_1', 'hits_at_10']

/** Tensors of a file with their numbers of entries, from its header. */
function entriesIn(file) {
  const bytes = readFileSync(file)
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())))
  return Object.entries(header).flatMap(([name, { shape }]) =>
    shape ? [[name, shape.reduce((product, side) => product * side, 1)]] : [],
  )
}

function trainedIn(model) {
  const adapter = readdirSync(`${folder}/${model}`).includes('adapter_model.safetensors')
  const entries = entriesIn(`${folder}/${model}/${adapter ? 'adapter_model' : 'model'}.safetensors`)
  const trained = model.startsWith('bitfit') ? entries.filter(([name]) => name.endsWith('bias')) : entries
  return trained.reduce((sum, [, count]) => sum + count, 0)
}

const rows = []
for (const model of readdirSync(folder)
  .filter((name) => /^(base|(full|lora|bitfit|prompt|palt)-\d)$/.test(name))
  .sort()) {
  const scores = {}
  for (const task of ['triples', 'links']) {
    const { metric, score, others } = await evaluate(`${folder}/${model}`, { task })
    Object.assign(scores, { [metric]: score, ...others })
  }
  rows.push([model, model === 'base' ? 0 : trainedIn(model), ...COLUMNS.map((name) => scores[name])].join(','))
}
writeFileSync('results/palt/models.csv', ['model,trained,' + COLUMNS.join(','), ...rows, ''].join('\n'))
