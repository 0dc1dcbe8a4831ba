// One benchmark in this process: kernels that it exchanges, and a heap that it fills, are not met by the next.
import type { Ratio } from './ratio.js'

const { run } = (await import(`./${process.argv[2]}.js`)) as { run(): Promise<Ratio[]> }
for (const { name, ratio, goal, milliseconds, comparison } of await run()) {
  process.stdout.write(
    `${name}: ${ratio.toFixed(2)} × (goal ${goal} ×; ${milliseconds.toFixed(1)} ms against ${comparison.toFixed(1)} ms)\n`,
  )
}
