// ALiBi (Press et al. 2022, arXiv 2108.12409) as transformers has it for Falcon: a bias of the scores that grows with a key's
// position, with a slope for each head. Slopes, positions and biases are rounded to bfloat16 there, whatever the weights are.
import { type Tensor, tf } from '../tensor/index.js'
import type { Batch } from './batch.js'
import type { Cache } from './cache.js'

/** To the nearest bfloat16, ties to even. */
function toBfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000
  return new Float32Array(bits.buffer)[0]!
}

/** Powers of 2^(-8/n) for the largest power of two n of heads, and of 2^(-4/n), every other one, for the rest. */
function slopesOf(heads: number): number[] {
  const even = 2 ** Math.floor(Math.log2(heads))
  return Array.from({ length: heads }, (_, head) =>
    head < even ? 2 ** ((-8 / even) * (head + 1)) : 2 ** ((-4 / even) * (2 * (head - even) + 1)),
  )
}

/** Real tokens are counted from 0 on; what is padded is hidden by the mask. */
function positionsOf({ rows, mask }: Batch, cache?: Cache): Float32Array {
  const seen = cache?.mask ?? mask
  const width = seen.length / rows
  const positions = new Float32Array(seen.length)
  for (let row = 0, at = 0; row < rows; row++) {
    let real = 0
    for (const each of seen.subarray(row * width, (row + 1) * width)) positions[at++] = each ? real++ : 0
  }
  return positions
}

/** Of a batch: scale · slope · position of each key, [rows, heads, 1, columns or the cache's capacity]. */
export function alibi(heads: number, scale: number): (batch: Batch, cache?: Cache) => Tensor {
  const slopes = slopesOf(heads).map(toBfloat16)
  return (batch, cache) => {
    const positions = positionsOf(batch, cache)
    const columns = positions.length / batch.rows
    const values = new Float32Array(heads * positions.length)
    for (let row = 0, at = 0; row < batch.rows; row++) {
      const places = positions.subarray(row * columns, (row + 1) * columns)
      for (const slope of slopes)
        for (const place of places) values[at++] = scale * toBfloat16(slope * toBfloat16(place))
    }
    return tf.tensor4d(values, [batch.rows, heads, 1, columns])
  }
}
