// A thread that draws blocks of a random model, alone or on top of another model's weights.
import { parentPort, workerData } from 'node:worker_threads'
import { type Draw, drawPart, type Part } from './layout.js'

export interface DrawSetup extends Draw {
  /** Factor of what is added to `before`. */
  amount: number
}

export interface DrawJob {
  part: Part
  /** The other model's entries of this part; null where there is none. */
  before: Float32Array | null
}

const { amount, ...draw } = workerData as DrawSetup

parentPort!.on('message', ({ part, before }: DrawJob) => {
  const values = drawPart(part, draw)
  if (before) {
    // Norms and biases stay as they are.
    const factor = part.shape.length > 1 ? amount : 0
    for (let i = 0; i < values.length; i++) values[i] = before[i]! + factor * values[i]!
  }
  parentPort!.postMessage(values, [values.buffer as ArrayBuffer])
})
