// Our mergers, which round once, against mergekit's operations in float64: the same up to float32.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { methods } from '../../src/merge/mergekit.js'
import { mergerNamed, mergeValues, parseMerging } from '../../src/mergers/index.js'
import { parseWith } from '../../src/schema/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { bytesOf, type Case, decoded, inputs, merged, results } from './cases.js'

before(() => setBackend(BACKEND))

/** By the merger that a method stands for; null where an editor comes first. */
async function exactly({ inputs: from, method: name, base: based, count, options, models }: Case) {
  const method = methods.find((each) => each.name === name)!
  const merger = mergerNamed(method.merger)
  const { shape, base: words, models: all } = inputs[from]!
  const base = Float32Array.from(decoded('F64', bytesOf(words)))
  const weights = all.slice(0, count).map((text) => Float32Array.from(decoded('F64', bytesOf(text))))
  const own = parseWith(method.options, options, name)
  const known = models.map((model) =>
    parseWith(
      method.model,
      Object.fromEntries(Object.entries(model).filter(([key]) => key in method.model.shape)),
      name,
    ),
  )
  if (known.some((model) => method.toStep?.(model, own, 'mergekit'))) return null
  const given = name === 'slerp' ? [base, ...weights] : weights
  const merging = parseMerging(merger, {
    convention: 'mergekit',
    options: method.toOptions?.(own) ?? own,
    models: name === 'slerp' ? [{}, {}] : known.map((model) => method.toModel?.(model, own) ?? model),
  })
  const deltas = merger.input === 'delta' || (merger.input === 'either' && based)
  const part = {
    ...{ name: from, shape, embedding: false },
    models: given.map((values) => (deltas ? values.map((x, i) => x - base[i]!) : values)),
  }
  const values = await mergeValues(merging, part, based ? base : null, { warn: () => undefined })
  return deltas ? values.map((x, i) => x + base[i]!) : values
}

test('every method without draws', async () => {
  const seen = new Set<string>()
  for (const each of results.filter(({ inputs: from, method }) => from.endsWith('F64') && method !== 'arcee_fusion')) {
    const values = await exactly(each)
    if (!values) continue
    seen.add(each.method)
    const wanted = merged(each).values
    for (const [i, x] of values.entries())
      assertClose(
        x,
        wanted[i]!,
        { tolerance: 3e-7 },
        `${each.method} ${JSON.stringify(each.options)} ${each.inputs} ${i}`,
      )
  }
  assert.equal(seen.size, 13)
})

test('arcee_fusion takes the same entries', async () => {
  for (const each of results.filter(({ inputs: from, method }) => from.endsWith('F64') && method === 'arcee_fusion')) {
    const [values, wanted] = [(await exactly(each))!, merged(each).values]
    const base = decoded('F64', bytesOf(inputs[each.inputs]!.base))
    const taken = (list: Float32Array | Float64Array) =>
      [...list.keys()].filter((i) => Math.abs(list[i]! - base[i]!) > 1e-7)
    // An importance within rounding of the threshold may fall on the other side.
    const differ = taken(values).filter((i) => Math.abs(values[i]! - wanted[i]!) > 1e-7)
    assert.ok(differ.length <= 1 && Math.abs(taken(values).length - taken(wanted).length) <= 1, each.inputs)
  }
})
