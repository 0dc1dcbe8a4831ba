// A merge from code: two skills in one model, then the score of each. Run: node dist/examples/merge.js
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate, merge } from 'deltalab'

const folder = mkdtempSync(join(tmpdir(), 'deltalab-example-'))
const file = join(folder, 'merge.yaml')
const out = join(folder, 'merged')
writeFileSync(
  file,
  `merge_method: task_arithmetic
base_model: checkpoints/small/base
models:
  - model: checkpoints/small/math
    parameters: { weight: 0.75 }
  - model: checkpoints/small/code
    parameters: { weight: 0.75 }
`,
)
const { tensors, parameters } = await merge(file, { out })
console.log(`${tensors} tensors, ${parameters} parameters`)
for (const task of ['math', 'code']) {
  const { score } = await evaluate(out, { task: `checkpoints/tasks/${task}.yaml`, items: 16 })
  console.log(`${task}: ${(100 * score!).toFixed(1)} % of 16 items`)
}
rmSync(folder, { recursive: true })
