// A folder of a fixture against expected.safetensors beside it: what another tool makes of the same weights, float32.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type Checkpoint, openCheckpoint } from '../../src/checkpoint/index.js'
import { openWeights } from '../../src/checkpoint/single.js'

const bits = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)

/**
 * Shapes and float32 bits are those that are expected, of whole tensors and of a part of each.
 * @param look at the folder while it is open @param others names that need not be expected: what is no weight
 */
export async function equalsExpected(
  folder: string,
  { look, others = [] }: { look?: (found: Checkpoint) => void; others?: readonly string[] } = {},
): Promise<void> {
  const [found, expected] = [await openCheckpoint(folder), await openWeights(join(folder, 'expected.safetensors'))]
  look?.(found)
  assert.deepEqual(
    [...found.tensors.keys()].filter((name) => !others.includes(name)).sort(),
    [...expected.tensors.keys()].sort(),
  )
  for (const [tensor, { shape }] of expected.tensors) {
    assert.deepEqual(found.tensors.get(tensor)!.shape, shape, `${folder} ${tensor}`)
    const values = await expected.read(tensor)
    assert.deepEqual(bits(await found.read(tensor)), bits(values), `${folder} ${tensor}`)
    const part = { from: Math.floor(values.length / 3), to: Math.ceil(values.length / 2) }
    assert.deepEqual(await found.readEntries(tensor, part), values.slice(part.from, part.to), `${folder} ${tensor}`)
  }
  await Promise.all([found.close(), expected.close()])
}
