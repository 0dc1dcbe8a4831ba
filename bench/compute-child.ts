// The passes of `npm run bench compute` on one backend, in a process of its own. Its arguments are the folder of a build, the backend and
// a file with the work; it prints what each took.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ComputeTimes, ComputeWork } from './compute-work.js'

const [root, backend, file] = process.argv.slice(2) as [string, 'wasm' | 'tensorflow', string]
const { passes, answers } = JSON.parse(readFileSync(file, 'utf8')) as ComputeWork
const load = (path: string) => import(pathToFileURL(join(root, 'dist', path)).href)
const { setBackend, tf } = (await load('src/tensor/index.js')) as typeof import('../src/tensor/index.js')
const { gradientOf, lossOf } = (await load('src/loss/index.js')) as typeof import('../src/loss/index.js')
const { anyBatch, randomLlama } = (await load('bench/random-llama.js')) as typeof import('./random-llama.js')
const { package: version } = await setBackend(backend)
const times: ComputeTimes['times'] = {}

/** Calls before the measured ones: kernels are chosen in the first, and from the fourth on a graph computes on the native backend. */
const WARM = 3

async function measure(name: string, rounds: number, work: () => Promise<unknown>) {
  for (let call = 0; call < WARM; call++) await work()
  times[name] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await work()
    times[name]!.push(performance.now() - start)
  }
}

for (const { name, sizes, rows, columns, rounds } of passes) {
  const { model, weights } = randomLlama(sizes)
  const batches = [anyBatch(rows, columns, sizes.vocab_size)]
  await measure(`${name}, forward`, rounds, () => lossOf(model, weights, batches))
  await measure(`${name}, gradient`, rounds, () => gradientOf(model, weights, batches))
  tf.dispose(weights)
}
let made: number[][] = []
if (answers) {
  const { openCheckpoint } = (await load('src/checkpoint/index.js')) as typeof import('../src/checkpoint/index.js')
  const { loadModel } = (await load('src/models/index.js')) as typeof import('../src/models/index.js')
  const stream = (await load('src/loss/index.js')) as typeof import('../src/loss/index.js')
  const { generate } = (await load('src/evaluate/generate.js')) as typeof import('../src/evaluate/generate.js')
  const checkpoint = await openCheckpoint(answers.model)
  const model = loadModel(checkpoint.config!)
  const read = stream.rowsOf(checkpoint)
  const weights = await stream.readWeights(model, (name) => read(name, null))
  await measure('answers', answers.rounds, async () => {
    made = await generate(model, weights, answers.prompts, {
      ends: [answers.end],
      maxNewTokens: answers.tokens,
      rows: answers.prompts.length,
    })
  })
}
process.stdout.write(`${JSON.stringify({ version, times, answers: made } satisfies ComputeTimes)}\n`)
process.exit()
