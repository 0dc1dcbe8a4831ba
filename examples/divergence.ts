// How far is an edit from its model? Text alone tells. Run from the root of the repository: node dist/examples/divergence.js
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compressionTable, edit, evaluate, printTable, readResults } from 'deltalab'

const pair = { base: 'checkpoints/small/base', post: 'checkpoints/small/math' }
const folder = mkdtempSync(join(tmpdir(), 'deltalab-example-'))
await edit(pair, { editor: 'quantise', bits: 2 }, { out: join(folder, 'edited') })
const { score, others } = await evaluate(join(folder, 'edited'), {
  task: { text: 'checkpoints/README.md' },
  post: pair.post,
  items: 4,
})
rmSync(folder, { recursive: true })
console.log(`perplexity ${score.toPrecision(3)}, ${others?.perplexity_ratio?.toFixed(3)} times that of the model`)
console.log(`KL ${others?.kl?.toFixed(4)} nats, same token at ${(100 * (others?.same_top ?? 0)).toFixed(1)} %`)

// Many edits, from the rows of a sweep.
const results = await readResults('results/divergence')
console.log(printTable(compressionTable(results, { where: { model: 'small', task: 'math', editor: 'quantise' } })))
