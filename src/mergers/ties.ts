// TIES: trim each delta, elect a sign per entry, and combine the entries that agree with it.
import { z } from 'zod'
import { keepLargest, signs, tf, type Largest, type Tensor } from '../tensor/index.js'
import type { Convention, MergeContext, Merger } from './merger.js'
import { total, valuesOf, weight } from './sum.js'
import { trimOptions, trimTensor, trimWhole, type WholeTrim } from './trim.js'

const options = z.strictObject({
  lambda: z.number().default(1).describe('Factor of the merged delta.'),
  granularity: z
    .enum(['model', 'tensor'])
    .optional()
    .describe(
      'Trim over the whole model (usual in paper, mergelm) or each tensor by itself (usual in peft, mergekit; MergeLLM).',
    ),
  sign: z.enum(['total', 'frequency']).default('total').describe('The elected sign is that of the sum of the deltas, or of their signs.'),
  combine: z.enum(['mean', 'sum', 'max']).default('mean').describe('What is made of the entries that agree with the elected sign.'),
  normalize: z.boolean().default(true).describe('mergekit: whether the mean divides by the sum of the agreeing weights, or not at all.'),
})
const modelOptions = z
  .strictObject({ weight, ...trimOptions })
  .refine((m) => m.drop_rate === undefined || m.density === undefined, { message: 'cannot stand beside density', path: ['drop_rate'] })

type Options = z.infer<typeof options>
type Context = MergeContext<Options, z.infer<typeof modelOptions>, Survey, Largest[]>
interface Survey {
  whole: WholeTrim
  /** Sign of the sum of all elected signs: an entry whose sum is exactly 0 takes it. */
  majority: number
}

const granularityOf = ({ granularity }: Options, convention: Convention) =>
  granularity ?? (convention === 'paper' || convention === 'mergelm' ? 'model' : 'tensor')
/** Where peft and mergekit call a sum of exactly 0 positive, the authors take the majority sign of all entries. */
const byMajority = (convention: Convention) => convention === 'paper' || convention === 'mergelm'

/** Sums whose sign is elected: of weighted deltas in mergekit, of plain ones elsewhere. An entry that is 0 agrees with no sign. */
function sums(trimmed: Tensor[], { options: { sign }, convention, models }: Pick<Context, 'options' | 'convention' | 'models'>): Tensor {
  const voters = convention === 'mergekit' ? trimmed.map((t, i) => t.mul(models[i].weight)) : trimmed
  return voters.map((t) => (sign === 'frequency' ? signs(t) : t)).reduce((sum, t) => sum.add(t))
}
const trimAll = (models: Tensor[], cuts: Largest[], offset: number) => models.map((t, i) => keepLargest(t, cuts[i], { offset }))
/** Sign of the sum of signs, 0 counted as it is; no majority is +1. */
const majorityOf = (sum: number) => (sum < 0 ? -1 : 1)

export const ties: Merger<Options, z.infer<typeof modelOptions>, Survey | undefined, Largest[]> = {
  name: 'ties',
  title: 'Trims each delta, elects a sign per entry, and combines the entries that agree.',
  cite: 'Yadav et al. 2023, arXiv 2306.01708',
  options,
  modelOptions,
  conventions: ['paper', 'mergelm', 'peft', 'mergekit'],
  input: 'delta',
  count: [1, Infinity],
  needsSurvey: (o, convention) => granularityOf(o, convention) === 'model',
  async survey(walk, { options, models, convention }) {
    const whole = await trimWhole(walk, models, convention)
    let majority = 0
    for await (const { name, shape, models: values } of byMajority(convention) ? walk() : []) {
      const elected = tf.tidy(() => {
        const trimmed = trimAll(
          values.map((v) => tf.tensor(v, [...shape])),
          whole.cuts,
          whole.offsets.get(name)!,
        )
        return signs(sums(trimmed, { options, models, convention })).sum()
      })
      majority += (await elected.data())[0]
      elected.dispose()
    }
    return { whole, majority: majorityOf(majority) }
  },
  async prepare({ name, models }, { survey, models: m, convention, warn }) {
    if (survey) {
      const { cuts, offsets } = survey.whole
      return cuts.map(({ threshold, lastTie }) => ({ threshold, lastTie: lastTie - offsets.get(name)! }))
    }
    return Promise.all(
      models.map(async (t, i) => trimTensor(await valuesOf(t), m[i], convention, (text) => warn(`trim of model ${i + 1}: ${text}`))),
    )
  },
  merge({ models }, context) {
    const {
      options: { combine, lambda, normalize },
      convention,
      facts: cuts,
      survey,
      models: m,
    } = context
    const trimmed = trimAll(models, cuts, 0)
    const elected = sums(trimmed, context)
    const none = !byMajority(convention)
      ? tf.scalar(1)
      : survey
        ? tf.scalar(survey.majority)
        : tf.where(signs(elected).sum().less(0), tf.scalar(-1), tf.scalar(1))
    const sign = signs(elected).add(elected.equal(0).cast('float32').mul(none))
    // Agreement is about what is summed: in mergekit a negative weight turns a delta around first.
    const turned = convention === 'mergekit' ? m.map(({ weight }) => Math.sign(weight)) : m.map(() => 1)
    const agreeing = trimmed.map((t, i) => signs(t).mul(turned[i]).equal(sign).logicalAnd(t.notEqual(0)).cast('float32'))
    // The authors' code and MergeLM know no weights; as factors of the kept entries they are peft's.
    const terms = trimmed.map((t, i) => t.mul(agreeing[i]).mul(m[i].weight))
    if (combine === 'max')
      return terms
        .map((t) => t.abs())
        .reduce((most, t) => tf.maximum(most, t))
        .mul(sign)
        .mul(lambda)
    const sum = terms.reduce((all, t) => all.add(t))
    if (combine === 'sum' || (convention === 'mergekit' && !normalize)) return sum.mul(lambda)
    const shares = convention === 'mergekit' ? m.map(({ weight }) => weight) : m.map(() => 1)
    const divisor = agreeing.map((a, i) => a.mul(shares[i])).reduce((all, t) => all.add(t))
    return sum.div(tf.where(divisor.equal(0), tf.onesLike(divisor), divisor)).mul(lambda)
  },
  check: (_, models) => (total(models.map(({ weight }) => Math.abs(weight))) === 0 ? 'every weight is 0' : undefined),
}
