// TIES: trim each delta, elect a sign per entry, and combine the entries that agree with it.
import { z } from 'zod'
import type { Combine, TensorProgram } from '../kernels/index.js'
import { keepLargest, type Largest, signs, signsOr, type Tensor, tf } from '../tensor/index.js'
import { MERGE_BLOCK } from './blocks.js'
import { defineMerger } from './define.js'
import type { Convention, MergeInputs, ScanContext } from './merger.js'
import { checkWeights, total, weightedSum } from './sum.js'
import { inPart, trimModels, trimmedModel, trimTensor, trimWhole, type WholeTrim } from './trim.js'

export const options = z.strictObject({
  lambda: z.number().default(1).describe('Factor of the merged delta.'),
  granularity: z
    .enum(['model', 'tensor'])
    .optional()
    .describe(
      'Trim over the whole model (usual in paper, mergelm) or each tensor by itself (usual in peft, mergekit; MergeLLM).',
    ),
  sign: z
    .enum(['total', 'frequency'])
    .default('total')
    .describe('The elected sign is that of the sum of the deltas, or of their signs.'),
  combine: z
    .enum(['mean', 'sum', 'max'])
    .default('mean')
    .describe('What is made of the entries that agree with the elected sign.'),
  normalize: z
    .boolean()
    .default(true)
    .describe('mergekit: whether the mean divides by the sum of the agreeing weights, or not at all.'),
})

type Options = z.infer<typeof options>
type ModelOptions = z.infer<typeof trimmedModel>
type Rules = Omit<ScanContext<Options, ModelOptions>, 'warn'>

/** Where each model is cut, and the sign of entries whose vote is tied. */
interface Election {
  cuts: Largest[]
  /** Sign that an entry takes whose sum is exactly 0. */
  majority: 1 | 0 | -1
}
/** The same for the whole models. */
interface WholeElection extends Pick<Election, 'majority'> {
  whole: WholeTrim
}

const granularityOf = ({ granularity }: Options, convention: Convention) =>
  granularity ?? (convention === 'paper' || convention === 'mergelm' ? 'model' : 'tensor')
/** A sum of exactly 0 counts as positive in peft and mergekit, and takes the majority sign of all entries in the authors' code. */
const byMajority = (convention: Convention) => convention === 'paper' || convention === 'mergelm'

const trimAll = (models: Tensor[], cuts: Largest[], offset = 0) =>
  models.map((t, i) => keepLargest(t, cuts[i]!, { offset }))

/** Sums whose sign is elected: of weighted deltas in mergekit, of plain ones elsewhere. An entry that is 0 agrees with no sign. */
function sums(trimmed: Tensor[], { options: { sign }, convention, modelOptions }: Rules): Tensor {
  const voters = convention === 'mergekit' ? trimmed.map((t, i) => t.mul(modelOptions[i]!.weight)) : trimmed
  return voters.map((t) => (sign === 'frequency' ? signs(t) : t)).reduce((sum, t) => sum.add(t))
}

/** Sum of the signs of the sums, 0 counted as it is. */
async function countVotes(models: Float32Array[], cuts: Largest[], rules: Rules): Promise<number> {
  let count = 0
  for (let offset = 0; offset < models[0]!.length; offset += MERGE_BLOCK) {
    const votes = tf.tidy(() =>
      signs(
        sums(
          trimAll(
            models.map((v) => tf.tensor1d(v.subarray(offset, offset + MERGE_BLOCK))),
            cuts,
            offset,
          ),
          rules,
        ),
      ).sum(),
    )
    count += (await votes.data())[0]!
    votes.dispose()
  }
  return count
}
/** Without a majority the sign is 0, and no entry agrees with it; in the authors' mean and sum it is negative. */
const majorityOf = (votes: number, { options: { combine }, convention }: Rules) =>
  (Math.sign(votes) || (convention === 'paper' && combine !== 'max' ? -1 : 0)) as Election['majority']

/** TIES after the cuts are known: trims, elects a sign per entry, combines what agrees with it. */
export function elect({ models, offset }: MergeInputs, { cuts, majority }: Election, rules: Rules): Tensor {
  const {
    options: { combine, lambda, normalize },
    convention,
    modelOptions: m,
  } = rules
  const trimmed = trimAll(models, cuts, offset)
  const sign = signsOr(sums(trimmed, rules), majority)
  // mergekit weighs before the vote, so a negative weight turns a delta around. The authors' code and MergeLM have no weights;
  // there the weights multiply the agreeing entries, as in peft.
  const weighs = convention === 'mergekit'
  const agreeing = trimmed.map((t, i) => t.mul(weighs && m[i]!.weight < 0 ? sign.neg() : sign).relu())
  const factors = m.map(({ weight }) => (weighs ? Math.abs(weight) : weight))
  if (combine === 'max')
    return agreeing
      .map((t, i) => t.mul(factors[i]!))
      .reduce((most, t) => tf.maximum(most, t))
      .mul(sign)
      .mul(lambda)
  const sum = weightedSum(agreeing, factors).mul(sign).mul(lambda)
  if (combine === 'sum' || (weighs && !normalize)) return sum
  const divisors = m.map(({ weight }) => (weighs ? weight : 1))
  const divisor = weightedSum(
    agreeing.map((t) => t.step()),
    divisors,
  )
  // A divisor of 0 counts as 1, and so does the rounding error that weights like .5, .3, .2 and -1 leave.
  const least = 1e-6 * total(divisors.map(Math.abs))
  return sum.div(divisor.add(divisor.abs().sub(least).step().neg().add(1)))
}

/** The same on kernels, where the trim is by tensor and a sum of exactly 0 counts as positive. */
function* electOnKernels(size: number, warn: (text: string) => void, rules: Rules): TensorProgram<Combine> {
  const { options, convention, modelOptions: models } = rules
  yield* trimModels(models, size, convention, warn)
  const { combine, lambda, normalize, sign } = options
  const weighs = convention === 'mergekit'
  const weights = models.map(({ weight }) => weight)
  const divisors = weights.map((weight) => (weighs ? weight : 1))
  const least = 1e-6 * total(divisors.map(Math.abs))
  return {
    combine: 'elect',
    votes: weights.map((weight) => (weighs ? weight : 1)),
    turned: weights.map((weight) => (weighs && weight < 0 ? -1 : 1)),
    factors: weights.map((weight) => (weighs ? Math.abs(weight) : weight)),
    divisors: combine !== 'mean' || (weighs && !normalize) ? null : divisors,
    bySign: sign === 'frequency',
    largest: combine === 'max',
    lambda,
    least,
    // Of such divisors only the sum of none is below the least. It divides 0, and what else it is makes no difference.
    clips: least > 1e-30 && divisors.every((divisor) => divisor > 2 * least),
  }
}

export const ties = defineMerger({
  name: 'ties',
  title: 'Trims each delta, elects a sign per entry, and combines the entries that agree.',
  cite: 'Yadav et al. 2023, arXiv 2306.01708',
  options,
  modelOptions: trimmedModel,
  reads: 'tensor',
  conventions: ['paper', 'mergelm', 'peft', 'mergekit'],
  check({ combine }, models, convention) {
    const wrong = convention === 'mergekit' ? undefined : checkWeights(models)
    if (wrong) return wrong
    const negative = models.findIndex(({ weight }) => weight < 0)
    return combine === 'max' && negative >= 0
      ? { path: ['models', negative, 'weight'], message: 'combine: max needs weights of at least 0' }
      : undefined
  },
  needsModels: (o, convention) => granularityOf(o, convention) === 'model',
  async scanModels(walk, { warn, ...rules }): Promise<WholeElection> {
    let votes = 0
    const vote = async (models: Float32Array[], cuts: Largest[]) =>
      void (votes += await countVotes(models, cuts, rules))
    const whole = await trimWhole(walk, { ...rules, warn }, byMajority(rules.convention) ? vote : undefined)
    return { whole, majority: byMajority(rules.convention) ? majorityOf(votes, rules) : 1 }
  },
  async scanTensor(models, { name, scannedModels, warn, ...rules }): Promise<Election> {
    if (scannedModels) {
      const { cuts, offsets } = scannedModels.whole
      return { cuts: cuts.map((cut) => inPart(cut, offsets.get(name)!)), majority: scannedModels.majority }
    }
    const cuts = models.map((values, i) =>
      trimTensor(values, rules.modelOptions[i]!, rules.convention, (text) => warn(`trim of model ${i + 1}: ${text}`)),
    )
    return {
      cuts,
      majority: byMajority(rules.convention) ? majorityOf(await countVotes(models, cuts, rules), rules) : 1,
    }
  },
  merge: (inputs, { scanned, ...rules }) => elect(inputs, scanned, rules),
  program: ({ size, warn, ...rules }) =>
    granularityOf(rules.options, rules.convention) === 'model' || byMajority(rules.convention)
      ? null
      : electOnKernels(size, warn, rules),
})
