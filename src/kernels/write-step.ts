// What a pass writes, as steps: the combination of the models' values, what is added to it, and its bytes.
import type { PassOutput } from './output.js'
import { type Combine, WIDTHS } from './pass.js'
import type { StepParts, StripStep } from './step.js'

export function writeSteps(parts: StepParts, output: PassOutput): StripStep[] {
  const { kernels, at, pass } = parts
  const { combine, finish, target } = pass.write!
  const { result, base, input, post } = at
  const steps = combine.combine === 'sum' ? sumSteps(parts, combine) : [electStep(parts, combine)]
  if (finish === 'restore' && pass.deltas[0]) steps.push(({ size }) => kernels.restore(result, input, post, base, size))
  // In the format of nearly all checkpoints the base is added on the way.
  const isAdded = finish === 'base' && target.dtype === 'BF16'
  if (finish === 'base' && !isAdded) steps.push(({ size }) => kernels.add(result, base, size))
  steps.push(encodeStep(parts, output, isAdded))
  return steps
}

function encodeStep({ kernels, memory, at, pass, fail }: StepParts, output: PassOutput, addsBase: boolean): StripStep {
  const { begin, dtype } = pass.write!.target
  const [encode, width] = [kernels[`encode${dtype}`], WIDTHS[dtype]]
  const { result, base } = at
  return (strip) => {
    const { from, size } = strip
    // Encoders take up to 16 entries at a time: what an earlier pass left behind the last one is no part of the result.
    if (size % 16) for (const address of [result, base]) new Float32Array(memory.buffer, address + 4 * size, 16).fill(0)
    const stored = output.next()
    if (addsBase ? kernels.addBF16(result, base, stored, size) : encode(result, stored, size)) {
      if (addsBase) kernels.add(result, base, size)
      fail('result', result, strip, stored)
    }
    kernels.checksum(stored, size * width, begin + from * width, at.state)
    output.add(size * width)
  }
}

function sumSteps({ kernels, at }: StepParts, { weights, factor }: Extract<Combine, { combine: 'sum' }>): StripStep[] {
  const { result, values } = at
  const [first, second, ...others] = values.map((address, i) => ({ address, weight: weights[i]! }))
  const steps: StripStep[] = [
    second
      ? ({ size, shift }) =>
          kernels.scaleBoth(result, first!.address + shift, second.address + shift, size, first!.weight, second.weight)
      : ({ size, shift }) => kernels.scale(result, first!.address + shift, size, first!.weight),
    ...others.map(
      ({ address, weight }): StripStep =>
        ({ size, shift }) =>
          kernels.scaleAndAdd(result, address + shift, size, weight),
    ),
  ]
  if (factor !== undefined) steps.push(({ size }) => kernels.scale(result, result, size, factor))
  return steps
}

function electStep(
  { kernels, memory, at }: StepParts,
  { votes, turned, factors, divisors, ...rules }: Extract<Combine, { combine: 'elect' }>,
): StripStep {
  const { parameters, result, values } = at
  const n = values.length
  const lists = [votes, turned, factors, divisors ?? factors]
  lists.forEach((list, k) => new Float32Array(memory.buffer, parameters + 4 * n * (k + 1), n).set(list))
  const [v, t, f, d] = lists.map((_, k) => parameters + 4 * n * (k + 1)) as [number, number, number, number]
  const flags = (rules.bySign ? 1 : 0) | (rules.largest ? 2 : 0) | (divisors ? 4 : 0) | (rules.clips ? 8 : 0)
  const { lambda, least } = rules
  const addresses = new Int32Array(memory.buffer, parameters, n)
  return ({ size, shift }) => {
    for (let i = 0; i < n; i++) addresses[i] = values[i]! + shift
    kernels.elect(parameters, n, result, size, v, t, f, d, flags, lambda, least)
  }
}
