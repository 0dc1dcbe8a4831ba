// A merge from code: two skills in one model, then the score of each.
// Run from the root of the repository: node dist/examples/merge.js
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate, merge } from 'deltalab'

const folder = mkdtempSync(join(tmpdir(), 'deltalab-example-'))
const out = join(folder, 'merged')
const parameters = { weight: 0.75 }
const merged = await merge(
  {
    merge_method: 'task_arithmetic',
    base_model: 'checkpoints/small/base',
    models: [
      { model: 'checkpoints/small/math', parameters },
      { model: 'checkpoints/small/code', parameters },
    ],
  },
  { out },
)
console.log(`${merged.tensors} tensors, ${merged.parameters} parameters`)
for (const task of ['math', 'code']) {
  const { score } = await evaluate(out, { task: `checkpoints/tasks/${task}.yaml`, items: 16 })
  console.log(`${task}: ${(100 * score).toFixed(1)} % of 16 items`)
}
rmSync(folder, { recursive: true })
