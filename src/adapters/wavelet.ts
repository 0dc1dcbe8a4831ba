// WaveFT: a change whose wavelet transform has few entries.
import { z } from 'zod'
import { seedTorch } from '../twister/index.js'
import { adapterKind, need } from './module.js'
import { WAVELETS } from './wavelets.js'

/**
 * WaveFT (arXiv 2505.12532): W + scaling · the inverse of one step of a 2-D wavelet transform, whose entries stand at places that a seed
 * gives; or scaling · these entries themselves.
 */
export const waveft = adapterKind({
  type: 'WAVEFT',
  parts: ['waveft_spectrum'],
  gives: 'delta',
  config: z.looseObject({
    scaling: z.number().default(25),
    wavelet_family: z.string().default('db1'),
    use_idwt: z.boolean().default(true),
    random_loc_seed: z.number().int().default(777),
  }),
  open(module) {
    const { outputs, inputs, config } = module
    const { values } = need(module, 'waveft_spectrum', -1)
    if (values.length > outputs * inputs)
      module.fail(`waveft_spectrum has ${values.length} entries, and the weight only ${outputs * inputs}`)
    const places = seedTorch(config.random_loc_seed).permutation(outputs * inputs, values.length)
    const low = config.use_idwt
      ? (WAVELETS[config.wavelet_family] ??
        module.fail(
          `wavelet_family ${JSON.stringify(config.wavelet_family)} is none of ${Object.keys(WAVELETS).join(', ')}`,
        ))
      : [1]
    const high = low.map((_, i) => (i % 2 ? -1 : 1) * low.at(-1 - i)!)
    const [down, across] = [outputs, inputs].map((size) =>
      config.use_idwt ? inHalves(size, low.length) : (at: number) => ({ at, isHigh: false }),
    )
    return {
      rows(from, to) {
        const rows = new Float64Array((to - from) * inputs)
        for (const [n, place] of places.entries()) {
          const column = place % inputs
          const [vertical, horizontal] = [down!((place - column) / inputs), across!(column)]
          // The quadrant at the top right is high-pass down the columns, that at the bottom left along the rows.
          const [tall, wide] = [horizontal.isHigh ? high : low, vertical.isHigh ? high : low]
          for (let i = Math.max(0, from - vertical.at); i < tall.length && vertical.at + i < to; i++)
            for (let j = Math.max(0, -horizontal.at); j < wide.length && horizontal.at + j < inputs; j++)
              rows[(vertical.at + i - from) * inputs + horizontal.at + j]! += values[n]! * tall[i]! * wide[j]!
        }
        return Float32Array.from(rows, (value) => config.scaling * value)
      },
    }
  },
})

/**
 * Where the filter of an entry of the plane begins in the weight, along one side. The plane is larger by what the filter takes away, and
 * even; the places are in its middle; its first half are low-pass entries.
 */
function inHalves(size: number, length: number): (place: number) => { at: number; isHigh: boolean } {
  const half = Math.ceil((size + length - 2) / 2)
  const offset = Math.floor((2 * half - size) / 2)
  return (place) => {
    const isHigh = place + offset >= half
    return { at: 2 * (place + offset - (isHigh ? half : 0)) - (length - 2), isHigh }
  }
}
