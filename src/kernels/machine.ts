// Runs passes in a WebAssembly memory of bounded size. A strip goes through all its stages before the next one begins, so that its
// values stay in the cache.
import { BYTE_MEMORY, type ByteMachine, makeByteMachine, showChecksum, startChecksum } from './checksum.js'
import { openPassInputs, type PassInputs } from './input.js'
import { searchCuts } from './largest.js'
import { type Buffers, numbersOf, PAGE, pagesOf, placeBuffers, slotOf, tableAnswer } from './layout.js'
import { isOwn, modelSteps } from './model-steps.js'
import { type Kernels, loadKernels } from './module.js'
import { openOutput, type PassOutput } from './output.js'
import {
  needsOf,
  type Operand,
  type PassNeeds,
  type PassResult,
  type PassSource,
  type Storage,
  type TensorPass,
} from './pass.js'
import { PassError } from './pass-error.js'
import { reductionStep } from './reduction-step.js'
import { runsOf } from './runs.js'
import type { StepParts, Strip, StripStep, ValuesPlace } from './step.js'
import { storedComparison } from './stored-comparison.js'
import { writeSteps } from './write-step.js'

/** A machine with a memory of its own. */
export interface Machine extends ByteMachine {
  run(pass: TensorPass): PassResult
}

/** @param bytes of its memory, at most: it grows to what passes take, as V8 collects garbage where much is taken */
export function makeMachine(bytes: number, storage: Storage): Machine {
  const memory = new WebAssembly.Memory({ initial: pagesOf(BYTE_MEMORY), maximum: pagesOf(bytes) })
  const kernels = loadKernels(memory)
  const resident = { tensor: -1, applied: new Map<number, number[]>() }
  const parts = { memory, room: pagesOf(bytes) * PAGE, kernels, storage, resident }
  return {
    run: (pass) => runPass(parts, pass),
    ...makeByteMachine(memory, kernels, storage),
  }
}

interface Parts {
  memory: WebAssembly.Memory
  /** Bytes that it may grow to. */
  room: number
  kernels: Kernels
  storage: Storage
  /** The tensor whose values are in memory, and for each strip in it how many stages each model has gone through. */
  resident: { tensor: number; applied: Map<number, number[]> }
}

/** Runs a pass, or those that find what it asks for. */
function runPass(parts: Parts, pass: TensorPass): PassResult {
  if (!pass.reductions.some(({ sum }) => sum === 'cuts')) return new PassRun(parts, pass).run()
  const search = searchCuts(pass.reductions, pass.size)
  let read: PassResult['read'] = []
  let step = search.next([])
  while (!step.done) {
    const runs = runsOf(step.value, pass, pass.resident)
    const result = new PassRun(parts, { ...pass, reductions: step.value, runs }).run()
    if (!runs) read = result.read
    step = search.next(result.answers)
  }
  return { answers: step.value, checksum: '', read }
}

/** One pass while it runs. What is done with a strip is a list of steps, which is made once: strips are many. */
class PassRun {
  private readonly at: Buffers
  private readonly answers: PassResult['answers']
  private readonly output: PassOutput | null
  private readonly inputs: PassInputs
  private readonly strip: Strip = { from: 0, size: 0, index: 0, slot: 0, shift: 0 }
  /** By how many stages the models' values in memory have gone through; empty where they are not there. */
  private readonly lists = new Map<string, StripStep[]>()

  constructor(
    private readonly parts: Parts,
    private readonly pass: TensorPass,
  ) {
    const { resident } = parts
    if (pass.resident && resident.tensor !== pass.tensor) {
      resident.tensor = pass.tensor
      resident.applied.clear()
    }
    this.at = placeBuffers(parts.memory, parts.room, pass)
    this.inputs = openPassInputs(parts, this.at, pass)
    this.output = pass.write && openOutput(parts, this.at.written, pass.write, pass.from)
    const strips = Math.ceil((pass.to - pass.from) / pass.strip)
    this.answers = pass.reductions.map((each) => new Float64Array(strips * numbersOf(each)))
  }

  run(): PassResult {
    const { pass, parts, at } = this
    startChecksum(parts.memory, at.state)
    this.runStrips()
    this.output?.end()
    const { memory, kernels } = parts
    return {
      answers: this.answers.map((numbers, i) =>
        tableAnswer(pass.reductions[i]!, { pass, memory, kernels }, at.bins[i]!, numbers),
      ),
      checksum: pass.write ? showChecksum(parts.memory, at.state) : '',
      read: this.inputs.checksums(),
    }
  }

  private runStrips(): void {
    const { runs, from: first, to: end, strip } = this.pass
    if (runs) for (const { from, to } of runs) this.runStrip(from, to)
    else for (let from = first; from < end; from += strip) this.runStrip(from, Math.min(end, from + strip))
  }

  private runStrip(from: number, to: number): void {
    const { pass, strip } = this
    strip.from = from
    strip.size = to - from
    strip.index = Math.floor((from - pass.from) / pass.strip)
    strip.slot = from / pass.strip
    strip.shift = pass.resident ? 4 * slotOf(pass.strip) * strip.slot : 0
    const steps = this.stepsOf(strip.slot)
    for (let i = 0; i < steps.length; i++) steps[i]!(strip)
  }

  private stepsOf(slot: number): readonly StripStep[] {
    const held = this.pass.resident ? this.parts.resident.applied.get(slot) : undefined
    const key = held?.join() ?? ''
    const known = this.lists.get(key)
    if (known) return known
    const steps = this.makeSteps(held)
    this.lists.set(key, steps)
    return steps
  }

  /** @param held per model, stages that the values in memory have gone through; without it they are read */
  private makeSteps(held: readonly number[] | undefined): StripStep[] {
    const { pass, at } = this
    const { resident } = this.parts
    const parts: StepParts = { ...this.parts, at, pass, answers: this.answers, fail: this.fail }
    /** Stages that are to be done. */
    const pending = held ? pass.stages.map((list, i) => list.slice(held[i])) : pass.stages
    const needs = needsOf(pass, pending, held !== undefined)
    const compared = storedComparison(parts, this.inputs, needs)
    if (compared) return [compared]
    const steps = this.inputSteps(needs)
    for (const [i, list] of pending.entries()) {
      const values = this.placeOf(i)
      if (needs.models) {
        const isPost = i === 0 && needs.post
        if (isPost) steps.push(...this.take(i, values, this.placeOf('post')))
        else steps.push(...this.loadValues(i, pass.models[i]!, values))
      }
      steps.push(...modelSteps(parts, i, pass.stages[i]!.length - list.length, this.placeOf))
    }
    const applied = pass.stages.map(({ length }) => length)
    if (pass.resident) steps.push(({ slot }) => void resident.applied.set(slot, applied))
    for (const [n, each] of pass.reductions.entries())
      if (!isOwn(each)) steps.push(reductionStep(parts, n, this.placeOf))
    if (this.output) steps.push(...writeSteps(parts, this.output))
    return steps
  }

  private readonly placeOf = (operand: Operand): ValuesPlace =>
    typeof operand === 'number'
      ? { address: this.at.values[operand]!, moves: 1 }
      : { address: this.at[operand], moves: 0 }

  /** Reads what the pass needs besides the models' values: the base, and the first model as it is stored. */
  private inputSteps(needs: PassNeeds): StripStep[] {
    const { pass, placeOf } = this
    const steps: StripStep[] = []
    if (needs.base && pass.base) steps.push(this.load('base', pass.base, placeOf('base')))
    if (needs.post) steps.push(this.load(0, pass.models[0]!, placeOf('post')))
    if (needs.input) steps.push(...this.take(0, placeOf('input'), placeOf('post')))
    return steps
  }

  /** Reads the values of a model. */
  private loadValues(i: number, source: PassSource, values: ValuesPlace): StripStep[] {
    // In the format of nearly all checkpoints the base is subtracted on the way.
    if (this.pass.deltas[i] && 'file' in source && source.dtype === 'BF16') return [this.load(i, source, values, true)]
    return [this.load(i, source, values), ...this.take(i, values, values)]
  }

  /** A model as it is stored → its values. */
  private take(model: number, to: ValuesPlace, stored: ValuesPlace): StripStep[] {
    const { kernels } = this.parts
    const { base } = this.at
    const isSame = to.address === stored.address
    if (this.pass.deltas[model])
      return [
        ({ size, shift }) =>
          kernels.subtract(to.address + to.moves * shift, stored.address + stored.moves * shift, base, size),
      ]
    if (isSame) return []
    return [
      ({ size, shift }) => kernels.scale(to.address + to.moves * shift, stored.address + stored.moves * shift, size, 1),
    ]
  }

  /** Stored entries → float32, followed by zeros; or of BF16 what they are more than the base. */
  private load(of: number | 'base', source: PassSource, { address, moves }: ValuesPlace, subtracts = false): StripStep {
    const { memory, kernels } = this.parts
    const { inputs, pass, at } = this
    if ('values' in source)
      return ({ from, size, shift }) => {
        const target = new Float32Array(memory.buffer, address + moves * shift, slotOf(size))
        target.fill(0, size)
        target.set(source.values.subarray(from - pass.from, from - pass.from + size))
      }
    const decode = kernels[`decode${source.dtype}`]
    const input = of === 'base' ? 0 : of + 1
    return (strip) => {
      const to = address + moves * strip.shift
      const stored = inputs.fetch(input, source, strip)
      const isBad = subtracts ? kernels.subtractBF16(stored, at.base, to, strip.size) : decode(stored, to, strip.size)
      if (!isBad) return
      if (subtracts) decode(stored, to, strip.size)
      this.fail(of, to, strip, stored)
    }
  }

  /** @throws PassError for the first entry that is not finite */
  private readonly fail = (
    of: PassError['of'],
    address: number,
    { from, size }: Pick<Strip, 'from' | 'size'>,
    stored: number,
  ): never => {
    const values = new Float32Array(this.parts.memory.buffer, address, size)
    const index = values.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) throw new PassError(of, from + index, values[index]!)
    // What is too large for its format; or read as F16, whose infinities and NaN become finite.
    const format = of === 'result' ? this.pass.write!.target.dtype : 'F16'
    const halves = new Uint16Array(this.parts.memory.buffer, stored, size)
    const exponent = format === 'F16' ? 0x7c00 : 0x7f80
    const large = halves.findIndex((half) => (half & exponent) === exponent)
    throw new PassError(of, from + large, values[large]!)
  }
}
