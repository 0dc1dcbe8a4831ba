// Kinds that scale or add by entry: IA³, C3A, MiSS, FourierFT, BEFT.
import { z } from 'zod'
import { wholeRegex } from '../regex/index.js'
import { seedTorch } from '../twister/index.js'
import { openInverse, unitCircle } from './fourier.js'
import { type AdapterModule, adapterKind, need } from './module.js'

/** (IA)³ (arXiv 2205.05638): outputs, and the bias, times l; of feed-forward modules inputs times l. */
const ia3 = adapterKind({
  type: 'IA3',
  parts: ['ia3_l'],
  convolutions: true,
  changesBias: () => 'where it is',
  gives: 'weight',
  config: z.looseObject({
    feedforward_modules: z
      .union([z.string(), z.array(z.string())])
      .nullish()
      .transform((given) => given ?? []),
  }),
  open(module) {
    const { outputs, inputs, kernel, parts } = module
    const shape = parts.get('ia3_l')?.shape ?? []
    // Of a convolution the shape is the same for inputs and outputs, and the configuration tells.
    const isOutput =
      shape.length > 2 ? !isFeedForward(module, module.config.feedforward_modules) : String(shape) === `${outputs},1`
    const count = isOutput ? outputs : inputs / kernel
    const { values } =
      shape.length > 2
        ? need(module, 'ia3_l', 1, count, ...shape.slice(2).map(() => 1))
        : need(module, 'ia3_l', isOutput ? count : 1, isOutput ? 1 : count)
    return {
      rows: async (from, to, base) =>
        (await base(from, to)).map(
          (value, at) =>
            value * values[isOutput ? from + Math.floor(at / inputs) : Math.floor((at % inputs) / kernel)]!,
        ),
      ...(isOutput && { bias: (bias: Float32Array) => bias.map((value, i) => value * values[i]!) }),
    }
  },
})

/** As peft tells them: a list of plain ends of names, without a dot before them, or a pattern. */
function isFeedForward({ name, fail }: AdapterModule<unknown>, given: string | readonly string[]): boolean {
  if (typeof given !== 'string') return given.some((end) => name.endsWith(end))
  try {
    return wholeRegex(given).test(name)
  } catch (error) {
    return fail(`feedforward_modules has the pattern ${JSON.stringify(given)}, which ${(error as Error).message}`)
  }
}

/** C3A (arXiv 2407.19342): blocks that are circulant, divided by the inputs. */
const c3a = adapterKind({
  type: 'C3A',
  parts: ['c3a_kernel'],
  gives: 'rounded delta',
  config: z.looseObject({}),
  open(module) {
    const { outputs, inputs } = module
    const { values, shape } = need(module, 'c3a_kernel', -1, -1, -1)
    const [down, across, side] = shape as [number, number, number]
    module.round(values)
    if (down * side !== outputs || across * side !== inputs)
      module.fail(`c3a_kernel [${shape}] does not fit [${outputs}, ${inputs}]`)
    return {
      rows: (from, to) =>
        Float32Array.from({ length: (to - from) * inputs }, (_, at) => {
          const [row, column] = [from + Math.floor(at / inputs), at % inputs]
          const block = Math.floor(row / side) * across + Math.floor(column / side)
          const turn = ((column % side) - (row % side) + side) % side
          return values[block * side + turn]! / inputs
        }),
    }
  },
})

/** MiSS (arXiv 2409.15371): rows of a block are added to the inputs in turn; `init_weights` says which form. */
const miss = adapterKind({
  type: 'MISS',
  parts: ['miss_block'],
  gives: 'delta',
  config: z.looseObject({ init_weights: z.union([z.boolean(), z.string()]).default(true) }),
  open(module) {
    const { outputs, inputs, config } = module
    const form = config.init_weights
    if (form === 'bat') {
      const { values, shape } = need(module, 'miss_block', -1, -1, -1)
      const rank = shape[1]!
      if (shape[0]! * rank !== outputs || shape[2] !== rank || inputs % rank)
        module.fail(`miss_block [${shape}] does not fit [${outputs}, ${inputs}]`)
      return {
        async rows(from, to, base) {
          const first = Math.floor(from / rank) * rank
          const rows = await base(first, Math.min(outputs, Math.ceil(to / rank) * rank))
          return Float32Array.from({ length: (to - from) * inputs }, (_, at) => {
            const [row, column] = [from + Math.floor(at / inputs), at % inputs]
            const [block, start] = [Math.floor(row / rank) * rank * rank, column - (column % rank)]
            let sum = values[block + (row % rank) * rank + (column % rank)]!
            for (let k = 0; k < rank; k++)
              sum += rows[(row - first) * inputs + start + k]! * values[block + k * rank + (column % rank)]!
            return sum
          })
        },
      }
    }
    const { values, shape } = need(module, 'miss_block', -1, form === 'mini' ? -1 : outputs)
    const [rank, width] = shape as [number, number]
    return {
      rows: (from, to) =>
        Float32Array.from(
          { length: (to - from) * inputs },
          (_, at) => values[((at % inputs) % rank) * width + ((from + Math.floor(at / inputs)) % width)]!,
        ),
    }
  },
})

/** Rows that FourierFT transforms together. */
const TOGETHER = 8

/** FourierFT (arXiv 2405.03003): W + scaling · Re ifft2(S), with the spectrum at places that a seed gives. */
const fourierft = adapterKind({
  type: 'FOURIERFT',
  parts: ['fourierft_spectrum'],
  gives: 'delta',
  config: z.looseObject({
    scaling: z.number().default(150),
    random_loc_seed: z
      .number()
      .int()
      .nullish()
      .transform((seed) => seed ?? 777),
  }),
  open(module) {
    const { outputs, inputs, config } = module
    const { values } = need(module, 'fourierft_spectrum', -1)
    if (values.length > outputs * inputs)
      module.fail(`fourierft_spectrum has ${values.length} entries, and the weight only ${outputs * inputs}`)
    const places = seedTorch(config.random_loc_seed).permutation(outputs * inputs, values.length)
    const [circle, transform] = [unitCircle(outputs), openInverse(inputs)]
    const scale = config.scaling / (outputs * inputs)
    return {
      rows(from, to) {
        const rows = new Float32Array((to - from) * inputs)
        for (let first = from; first < to; first += TOGETHER) {
          const count = Math.min(TOGETHER, to - first)
          // The sums over the rows of the spectrum first: for each row one complex number for each of its columns.
          const sums = { re: new Float64Array(inputs * count), im: new Float64Array(inputs * count) }
          for (let n = 0; n < places.length; n++) {
            const column = places[n]! % inputs
            const line = (places[n]! - column) / inputs
            for (let k = 0; k < count; k++) {
              const turn = (line * (first + k)) % outputs
              sums.re[column * count + k]! += values[n]! * circle.re[turn]!
              sums.im[column * count + k]! += values[n]! * circle.im[turn]!
            }
          }
          const { re } = transform(sums)
          for (let k = 0; k < count; k++)
            for (let i = 0; i < inputs; i++) rows[(first + k - from) * inputs + i] = scale * re[i * count + k]!
        }
        return rows
      },
    }
  },
})

/** BEFT (arXiv 2509.15974): a vector is added to the bias. */
const beft = adapterKind({
  type: 'BEFT',
  parts: ['beft_bias'],
  keepsWeight: true,
  changesBias: () => 'needed',
  gives: 'delta',
  config: z.looseObject({}),
  open(module) {
    const { values } = need(module, 'beft_bias', 1, module.outputs)
    return { rows: (_, __, base) => base(0, 0), bias: (bias) => bias.map((value, i) => value + values[i]!) }
  },
})

export const ENTRIES = [ia3, c3a, miss, fourierft, beft]
