// A task of one's own, with a metric of its own: is the first step of a calculation right, whatever comes after it?
// Run from the root of the repository: node dist/examples/task.js
import { defineTask, evaluate } from 'deltalab'

const firstStep = defineTask({
  name: 'first_step',
  data: Array.from({ length: 16 }, (_, i) => ({ had: 5 + i, took: 18 - i, sold: 3 })),
  prompt: 'Problem: Ben had {{ had }} pens and then took {{ took }} and sold {{ sold }}. how many now?\nSolution:',
  target: ' {{ had }}+{{ took }}={{ had + took }},',
  metric: {
    name: 'first_step',
    description: 'The answer begins with the right first step.',
    score: (answer, { target }) => Number(answer.trim().startsWith(target.trim())),
  },
  max_new_tokens: 12,
})

for (const model of ['checkpoints/small/base', 'checkpoints/small/math']) {
  const { score, items } = await evaluate(model, { task: firstStep })
  console.log(`${model}: ${(100 * score).toFixed(1)} % of ${items} items`)
}
