// Which tensors cause the loss change of one edit? Run from the root of the repository: node dist/examples/attribution.js
import { attribute } from 'deltalab'

const { row, terms } = await attribute(
  { base: 'checkpoints/small/base', post: 'checkpoints/small/math' },
  { editor: 'magnitude', drop_rate: 0.8 },
  { task: 'checkpoints/tasks/math.yaml', items: 8, rule: 'gauss', steps: 2 },
)
console.log(
  `exact loss change ${row.loss_change?.toFixed(4)} nats per token, Riemann sum ${row.riemann_sum?.toFixed(4)}`,
)
for (const { tensor, term } of terms.slice(0, 3)) console.log(`${term.toFixed(4)}  ${tensor}`)
