// Logits of a folder, beside the reference's (test/fixtures/tied/make.py).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { disposeInputs, forward, loadModel, makeInputs } from '../../src/models/index.js'
import { setBackend, tf } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { textBatch } from '../models/fixture.js'

export const ROOT = 'test/fixtures/tied'
export type Version = '5.18.0' | '4.57.6'
export const expected = JSON.parse(readFileSync(join(ROOT, 'expected.json'), 'utf8')) as { ids: number[] } & Record<
  string,
  Record<Version, number[] | null>
>

/** Logits at the last token. */
export async function logitsOf(folder: string): Promise<number[]> {
  await setBackend(BACKEND)
  const checkpoint = await openCheckpoint(folder)
  const model = loadModel(
    checkpoint.config!,
    Object.fromEntries([...checkpoint.tensors].map(([name, { shape }]) => [name, shape])),
  )
  const weights: Record<string, ReturnType<typeof tf.tensor>> = {}
  for (const [name, shape] of Object.entries(model.shapes))
    weights[name] = tf.tensor(await checkpoint.read(name), shape)
  const { ids } = expected
  const inputs = makeInputs(model, textBatch({ input_ids: [ids], attention_mask: [ids.map(() => 1)], labels: [ids] }))
  const all = tf.tidy(() => forward(model, weights, inputs).dataSync())
  disposeInputs(inputs)
  tf.dispose(weights)
  await checkpoint.close()
  return [...all.slice(-model.outputs)]
}

export const far = (one: readonly number[], two: readonly number[]): number =>
  Math.max(...one.map((value, i) => Math.abs(value - two[i]!)))
