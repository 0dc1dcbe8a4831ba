// An editor of one's own in a sweep: it keeps the sign of every entry and gives all of them the mean magnitude of their tensor.
// Run from the root of the repository: node dist/examples/editor.js
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkEditor, defineEditor, printTable, sweep, table, z } from 'deltalab'

const signs = defineEditor({
  name: 'mean_sign',
  title: 'Replaces magnitudes by their mean, by a share of the way.',
  options: z.strictObject({ share: z.number().min(0).max(1).describe('0 changes nothing, 1 leaves signs alone.') }),
  neutral: { share: 0 },
  reads: 'tensor',
  scanTensor: (values) => values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length,
  edit: (delta, { options, scanned: mean }) =>
    options.share === 0 ? delta.clone() : delta.mul(1 - options.share).add(delta.sign().mul(options.share * mean)),
})

// The laws that the editors of deltalab keep. An editor that breaks one throws an error that names it.
await checkEditor(signs)
console.log(`${signs.name} keeps the laws`)

const out = mkdtempSync(join(tmpdir(), 'deltalab-example-'))
const results = await sweep(
  {
    name: 'signs',
    models: [
      {
        name: 'small',
        base: 'checkpoints/small/base',
        post: 'checkpoints/small/math',
        tasks: ['checkpoints/tasks/math.yaml'],
      },
    ],
    editors: [
      { editor: signs, share: [0.5, 1] },
      { editor: 'dare', drop_rate: 0.5 },
    ],
    seeds: 1,
    score: { items: 16 },
    loss: { items: 8, riemann: false },
  },
  { out },
)
console.log(printTable(table(results, { by: ['label', 'share'], columns: ['loss_change', 'score_edited'] })))
rmSync(out, { recursive: true })
