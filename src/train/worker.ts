// A gradient worker: holds the model, reads the shared weights, writes the gradient of one micro-batch into its slot.
import { parentPort, workerData } from 'node:worker_threads'
import { gradientOf } from '../loss/index.js'
import { loadModel } from '../models/index.js'
import { setBackend, tf } from '../tensor/index.js'
import type { Answer, GradientJob, WorkerSetup } from './gradients.js'
import { layoutOf } from './layout.js'

const { config, shapes, backend, weights, slots, trained } = workerData as WorkerSetup
await setBackend(backend, { threads: 1, exact: true })
const model = loadModel(config, shapes)
const { spans } = layoutOf(model)
const values = new Float32Array(weights)
const wanted = trained.map((i) => spans[i]!)
const names = wanted.map(({ name }) => name)

parentPort!.on('message', async ({ slot, batch }: GradientJob) => {
  const tensors = Object.fromEntries(
    spans.map(({ name, shape, begin, end }) => [name, tf.tensor(values.slice(begin, end), shape)]),
  )
  const { loss, gradient } = await gradientOf(model, tensors, [batch], names)
  tf.dispose(tensors)
  const view = new Float32Array(slots[slot]!)
  for (const { name, begin } of wanted) view.set(gradient.get(name)!, begin)
  parentPort!.postMessage({ slot, loss: loss.mean, tokens: loss.tokens } satisfies Answer)
})
