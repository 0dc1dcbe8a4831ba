// The worst error of a fixture in every quantity of its README, each as a share of the tolerance given there.

import { generate } from '../../src/evaluate/generate.js'
import { type Change, gradientOf, lossOf, type Rule, riemannSum, taylor2 } from '../../src/loss/index.js'
import {
  type Batch,
  type Block,
  disposeInputs,
  forward,
  loadModel,
  type Model,
  makeInputs,
  padBatch,
  type Source,
  type Weights,
} from '../../src/models/index.js'
import { tf } from '../../src/tensor/index.js'
import { type Fixture, textBatch, worst } from './fixture.js'

/** The fair tolerances of the fixtures' README; absolute for losses and log-probabilities, else relative to the scale. */
export const TOLERANCES = {
  logits: 5e-5,
  hidden: 5e-5,
  features: 2e-5,
  loss: 5e-5,
  gradient: 1e-4,
  'gradient-norm': 5e-5,
  'delta-loss': 2e-5,
  riemann: 1e-4,
  'riemann-tensor': 5e-5,
  taylor: 5e-5,
  'taylor-tensor': 2e-4,
  logprob: 1e-4,
}
export type Quantity = keyof typeof TOLERANCES
export type Errors = Partial<Record<Quantity, number>>

const note = (errors: Errors, quantity: Quantity, error: number) => {
  errors[quantity] = Math.max(errors[quantity] ?? 0, Number.isNaN(error) ? Infinity : error)
}

/** Outputs of the chain after each block, for all positions. */
async function outputsOf(
  model: Model,
  weights: Weights,
  batch: Batch,
  upTo: (block: Block, index: number) => boolean = () => true,
) {
  const inputs = makeInputs(model, batch)
  const blocks = model.blocks.filter(upTo)
  const output = tf.tidy(() => forward({ ...model, blocks }, weights, inputs))
  const values = (await output.data()) as Float32Array
  output.dispose()
  disposeInputs(inputs)
  return values
}

/** The reference is 0 at pads. */
const masked = (values: Float32Array, { mask }: Batch) =>
  values.map((x, i) => x * (mask.length ? mask[Math.floor((i * mask.length) / values.length)]! : 1))

/** The outputs at the first position of each row, where a classifier looks. */
const firsts = (values: Float32Array, rows: number, width: number) => {
  const each = values.length / rows
  return Float32Array.from({ length: rows * width }, (_, i) => values[Math.floor(i / width) * each + (i % width)]!)
}

/** Logits, hidden states and features. */
export async function probeForward({
  model,
  config,
  shapes,
  expected,
  batch,
  reference,
  has,
  ...weights
}: Fixture): Promise<Errors> {
  const errors: Errors = {}
  const perToken = ['causal', 'masked', 'replaced'].includes(model.objective)
  const names = model.blocks.map((block) => block.name)
  const until = (name: string) => (_: Block, i: number) => i <= names.lastIndexOf(name)
  const lastLayer = names.findLast((name) => name.startsWith('layer'))!
  for (const key of Object.keys(expected.cases)) {
    const inputs = batch(key)
    for (const which of ['base', 'post'] as const) {
      if (!has(`cases.${key}.${which}.logits`)) continue
      const all = await outputsOf(model, weights[which], inputs)
      const right = reference(`cases.${key}.${which}.logits`)
      const logits = perToken ? masked(all, inputs) : firsts(all, inputs.rows, right.length / inputs.rows)
      note(errors, 'logits', worst(logits, right))
    }
    const last = names.includes('norm') ? 'norm' : lastLayer
    const states = { [`cases.${key}.post.last_hidden_state`]: last, [`cases.${key}.post.vision_pooled`]: 'pool' }
    for (const [name, block] of Object.entries(states).filter(([name]) => has(name))) {
      const found = await outputsOf(model, weights.post, inputs, until(block))
      const values = block === 'pool' ? firsts(found, inputs.rows, model.width) : masked(found, inputs)
      note(errors, 'hidden', worst(values, reference(name)))
    }
    if (has(`cases.${key}.post.hidden_states`)) {
      const layers = names.flatMap((name) => (name.startsWith('layer') ? [name] : []))
      const embedded = names[names.findIndex((name) => /^(attention|layer) /.test(name)) - 1]
      const each = await Promise.all(
        [embedded, ...layers.slice(0, -1), last].map((name) => outputsOf(model, weights.post, inputs, until(name!))),
      )
      note(
        errors,
        'hidden',
        worst(
          each.flatMap((values) => [...values]),
          reference(`cases.${key}.post.hidden_states`),
        ),
      )
    }
    if (!model.describer) continue
    const text = loadModel({ ...config, architectures: [model.describer] }, shapes)
    const words = textBatch(expected.cases[key]!.inputs)
    const before = (_: Block, i: number) => i < names.lastIndexOf('head')
    for (const which of ['base', 'post'] as const) {
      if (!has(`cases.${key}.${which}.image_features`)) continue
      const images = firsts(await outputsOf(model, weights[which], inputs, before), inputs.rows, text.outputs)
      note(errors, 'features', worst(images, reference(`cases.${key}.${which}.image_features`)))
      note(
        errors,
        'features',
        worst(await outputsOf(text, weights[which], words), reference(`cases.${key}.${which}.text_features`)),
      )
    }
    const tokens = await outputsOf(
      text,
      weights.post,
      words,
      (_, i) => i <= text.blocks.findIndex(({ name }) => name === 'norm'),
    )
    note(errors, 'hidden', worst(masked(tokens, words), reference(`cases.${key}.post.text_last_hidden_state`)))
  }
  return errors
}

/** What a pass takes its weights from: the fixture's tensors, unless a test gives another way to them. */
export type Way = (model: Model, weights: Weights) => Weights | Source
const resident: Way = (_, weights) => weights

/** Losses of every case, and every gradient. */
export async function probeGradient(
  { model, expected, batch, reference, ...weights }: Fixture,
  way = resident,
): Promise<Errors> {
  const errors: Errors = {}
  for (const [key, each] of Object.entries(expected.cases)) {
    for (const which of ['base', 'post'] as const) {
      const { mean } = await lossOf(model, way(model, weights[which]), [batch(key)])
      note(errors, 'loss', Math.abs(mean - each[which].loss))
    }
  }
  const { loss, gradient } = await gradientOf(model, way(model, weights.post), [batch('main')], expected.trainable)
  note(errors, 'loss', Math.abs(loss.mean - expected.cases.main!.post.loss))
  const { norm: total, per_tensor_norm: norms } = expected.gradient
  let squares = 0
  for (const name of expected.trainable) {
    const values = gradient.get(name)!
    const square = values.reduce((sum, x) => sum + x * x, 0)
    squares += square
    note(errors, 'gradient', worst(values, reference(`grad.${name}`), 1e-3 * total))
    note(errors, 'gradient-norm', Math.abs(Math.sqrt(square) - norms[name]!) / Math.max(norms[name]!, 1e-3 * total))
  }
  note(errors, 'gradient-norm', Math.abs(Math.sqrt(squares) - total) / total)
  return errors
}

/** T = F(Δ) − Δ of the fixtures' edits, written down from their README. */
export function changeOf({ expected, values }: Fixture, edit: string): Change {
  const names = edit === 'scale-0.5' ? expected.trainable : expected.linear
  return new Map(
    names.map((name) => {
      const delta = values.post.get(name)!.map((x, i) => x - values.base.get(name)![i]!)
      if (edit === 'scale-0.5') return [name, delta.map((x) => -0.5 * x)]
      if (edit === 'sign') {
        const mean = delta.reduce((sum, x) => sum + Math.abs(x), 0) / delta.length
        return [name, delta.map((x) => (x >= 0 ? mean : -mean) - x)]
      }
      const sorted = [...delta].map(Math.abs).sort((a, b) => b - a)
      const least = sorted[Math.floor(delta.length / 2) - 1]!
      return [name, delta.map((x) => (Math.abs(x) >= least ? 0 : -x))]
    }),
  )
}

/** Riemann sums under these rules (`left-5`, …), with the terms of every tensor. */
export async function probeRiemann(
  fixture: Fixture,
  edit: string,
  rules: readonly string[],
  way = resident,
): Promise<Errors> {
  const errors: Errors = {}
  const { model, post, expected, batch } = fixture
  const { riemann, per_tensor: parts } = expected.edits[edit]!
  for (const key of rules) {
    const [rule, steps] = key.split('-')
    const options = { rule: rule as Rule, steps: Number(steps) }
    const { sum, terms } = await riemannSum(
      model,
      { post: way(model, post), change: changeOf(fixture, edit) },
      [batch('main')],
      options,
    )
    const found = Object.entries(parts).map(([name, term]) => [terms.get(name) ?? NaN, term[key]])
    if (terms.size !== found.length)
      throw new Error(`${terms.size} terms, of which ${found.length} should be: tensors that do not move have none`)
    const scale = found.reduce((all, [, term]) => all + Math.abs(term!), 0)
    const largest = found.reduce((most, [, term]) => Math.max(most, Math.abs(term!)), 0)
    note(errors, 'riemann', Math.abs(sum - riemann[key]!) / scale)
    for (const [term, right] of found) note(errors, 'riemann-tensor', Math.abs(term! - right!) / largest)
  }
  return errors
}

/** The exact change of the loss, and the second-order Taylor estimate with exact curvature. */
export async function probeTaylor(fixture: Fixture, edit: string): Promise<Errors> {
  const errors: Errors = {}
  const { model, post, expected, batch } = fixture
  const { taylor, per_tensor: parts, delta_loss: exact } = expected.edits[edit]!
  const change = changeOf(fixture, edit)
  const edited = Object.fromEntries(
    [...change].map(([name, step]) => [name, tf.tidy(() => post[name]!.add(tf.tensor(step, post[name]!.shape)))]),
  )
  const batches = [batch('main')]
  const [before, after] = [await lossOf(model, post, batches), await lossOf(model, { ...post, ...edited }, batches)]
  tf.dispose(edited)
  note(errors, 'delta-loss', Math.abs(after.mean - before.mean - exact))
  const got = await taylor2(model, { post, change }, batches)
  const sums = (key: string) => Object.values(parts).reduce((all, term) => all + Math.abs(term[key]!), 0)
  for (const [part, key] of [
    [got.first, 'first_order'],
    [got.curvature, 'T_HT'],
  ] as const) {
    const largest = Math.max(...Object.values(parts).map((term) => Math.abs(term[key]!)))
    note(errors, 'taylor', Math.abs(part.sum - taylor[key]) / sums(key))
    for (const [name, term] of Object.entries(parts))
      note(errors, 'taylor-tensor', Math.abs(part.terms.get(name)! - term[key]!) / largest)
  }
  note(errors, 'taylor', Math.abs(got.sum - taylor.second_order) / (sums('first_order') + sums('T_HT') / 2))
  return errors
}

/** Sums of the token log-probabilities of the candidates, and whether greedy decoding gives the fixture's ids (else Infinity). */
export async function probeText({ model, expected, ...weights }: Fixture, way = resident): Promise<Errors> {
  const errors: Errors = {}
  for (const which of ['base', 'post'] as const) {
    for (const { prompt, candidates } of expected.loglikelihood) {
      for (const { ids, ...right } of candidates) {
        const batch = padBatch([{ prompt, target: ids }], [0], 0, model)
        const { itemSums } = await lossOf(model, way(model, weights[which]), [batch])
        note(errors, 'logprob', Math.abs(-itemSums[0]! - right[which].logprob))
      }
    }
    const prompts = expected.generation.map(({ prompt }) => prompt)
    const answers = await generate(model, way(model, weights[which]), prompts, {
      maxNewTokens: expected.generation[0]![which].ids.length,
    })
    if (String(answers) !== String(expected.generation.map((each) => each[which].ids)))
      note(errors, 'logprob', Infinity)
  }
  return errors
}

/** Every quantity once, of the fixture's first edit and one of its rules: for backends beside the one of the full tests. */
export async function probeEach(fixture: Fixture): Promise<[Quantity, number][]> {
  const [edit, { riemann }] = Object.entries(fixture.expected.edits)[0]!
  const errors = [
    await probeForward(fixture),
    await probeGradient(fixture),
    await probeRiemann(fixture, edit, Object.keys(riemann).slice(-1)),
    await probeTaylor(fixture, edit),
    fixture.expected.generation ? await probeText(fixture) : {},
  ]
  return errors.flatMap((each) => Object.entries(each) as [Quantity, number][])
}
