// Runs passes in a WebAssembly memory of a fixed size. A strip goes through all its stages before the next one begins, so that its
// values stay in the cache.
import { BracketTable } from './bracket.js'
import { type ByteMachine, makeByteMachine, showChecksum, startChecksum } from './checksum.js'
import { choicesOf, recallDraws } from './choices.js'
import { LIST_AT, MOST_LISTED } from './histogram.js'
import { openPassInputs, type PassInputs } from './input.js'
import { type Buffers, numbersOf, placeBuffers, slotOf, tableAnswer } from './layout.js'
import { type Kernels, loadKernels } from './module.js'
import { openOutput, type PassOutput } from './output.js'
import {
  needsOf,
  type Operand,
  type PassNeeds,
  type PassResult,
  type PassSource,
  type Reduction,
  type Stage,
  type Storage,
  type TensorPass,
  WIDTHS,
} from './pass.js'
import { PassError } from './pass-error.js'
import { patternOf } from './pattern.js'
import { stripsIn } from './runs.js'

/** A machine with a memory of its own. */
export interface Machine extends ByteMachine {
  run(pass: TensorPass): PassResult
}

/** @param bytes of its memory, of which only what is used is taken from the system */
export function makeMachine(bytes: number, storage: Storage): Machine {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
  const kernels = loadKernels(memory)
  const resident = { tensor: -1, applied: new Map<number, number[]>() }
  return {
    run: (pass) => new PassRun({ memory, kernels, storage, resident }, pass).run(),
    ...makeByteMachine(memory, kernels, storage),
  }
}

interface Parts {
  memory: WebAssembly.Memory
  kernels: Kernels
  storage: Storage
  /** The tensor whose values are in memory, and for each strip in it how many stages each model has gone through. */
  resident: { tensor: number; applied: Map<number, number[]> }
}

/** One pass while it runs. */
class PassRun {
  private readonly at: Buffers
  private readonly answers: PassResult['answers']
  private readonly output: PassOutput | null
  private readonly inputs: PassInputs
  /** Of a strip whose values are not in memory. */
  private readonly needs: PassNeeds

  constructor(
    private readonly parts: Parts,
    private readonly pass: TensorPass,
  ) {
    const { resident } = parts
    if (pass.resident && resident.tensor !== pass.tensor) {
      resident.tensor = pass.tensor
      resident.applied.clear()
    }
    this.at = placeBuffers(parts.memory, pass)
    this.needs = needsOf(pass, pass.stages, false)
    this.inputs = openPassInputs(parts, this.at, pass)
    this.output = pass.write && openOutput(parts, this.at.written, pass.write, pass.from)
    const strips = Math.ceil((pass.to - pass.from) / pass.strip)
    this.answers = pass.reductions.map((each) => new Float64Array(strips * numbersOf(each)))
  }

  run(): PassResult {
    const { pass, parts, at } = this
    startChecksum(parts.memory, at.state)
    for (const { from, to } of pass.runs ?? stripsIn(pass))
      this.runStrip(from, to - from, Math.floor((from - pass.from) / pass.strip))
    this.output?.end()
    const inTables = (i: number) => tableAnswer(pass.reductions[i]!, pass, parts.memory, at.bins[i]!)
    return {
      answers: this.answers.map((answer, i) => inTables(i) ?? answer),
      checksum: pass.write ? showChecksum(parts.memory, at.state) : '',
      read: this.inputs.checksums(),
    }
  }

  private runStrip(from: number, size: number, strip: number): void {
    const { pass, at } = this
    const { resident } = this.parts
    const slot = from / pass.strip
    const values = pass.resident ? at.values.map((address) => address + 4 * slotOf(pass.strip) * slot) : at.values
    const held = pass.resident ? resident.applied.get(slot) : undefined
    /** Stages that the values in memory have not gone through. */
    const pending = held ? pass.stages.map((list, i) => list.slice(held[i])) : pass.stages
    const needs = held ? needsOf(pass, pending, true) : this.needs
    this.loadInputs(needs, { from, size })
    for (const [i, address] of values.entries()) {
      if (!held) {
        const stored = i === 0 && needs.post ? at.post : address
        if (stored === address) this.load(i, pass.models[i]!, address, { from, size })
        this.take(i, address, stored, size)
      }
      const done = pass.stages[i]!.length - pending[i]!.length
      for (const [k, stage] of pending[i]!.entries()) {
        this.reduceBefore(i, done + k, address, { from, size, strip })
        this.apply(stage, address, { from, size, table: at.tables[i]![done + k]! })
      }
    }
    const applied = pass.stages.map(({ length }) => length)
    if (pass.resident) resident.applied.set(slot, applied)
    const addressOf = (operand: Operand): number => (typeof operand === 'number' ? values[operand]! : at[operand])
    for (const [i, each] of pass.reductions.entries())
      if (!each.back) this.reduce(each, i, { addressOf, from, size, strip })
    if (pass.write) this.write(values, { from, size })
  }

  /** The reductions of a model's values that are taken before its stage k. */
  private reduceBefore(model: number, k: number, address: number, run: Run & { strip: number }): void {
    const { reductions, stages } = this.pass
    for (const [i, each] of reductions.entries())
      if (each.of === model && each.back && stages[model]!.length - each.back === k)
        this.reduce(each, i, { addressOf: () => address, ...run })
  }

  /** Reads what the pass needs besides the models' values: the base, and the first model as it is stored. */
  private loadInputs(needs: PassNeeds, run: Run): void {
    const { pass, at } = this
    if (needs.base && pass.base) this.load('base', pass.base, at.base, run)
    if (!needs.post) return
    this.load(0, pass.models[0]!, at.post, run)
    if (needs.input) this.take(0, at.input, at.post, run.size)
  }

  /** A model as it is stored → its values. */
  private take(model: number, to: number, stored: number, size: number): void {
    const { kernels } = this.parts
    if (this.pass.deltas[model]) kernels.subtract(to, stored, this.at.base, size)
    else if (stored !== to) kernels.scale(to, stored, size, 1)
  }

  /** Stored entries → float32, followed by zeros. */
  private load(of: number | 'base', source: PassSource, to: number, { from, size }: Run): void {
    const { memory, kernels } = this.parts
    if ('values' in source) {
      const target = new Float32Array(memory.buffer, to, slotOf(size))
      target.fill(0, size)
      target.set(source.values.subarray(from - this.pass.from, from - this.pass.from + size))
      return
    }
    const stored = this.inputs.fetch(of === 'base' ? 0 : of + 1, source, { from, size })
    if (kernels[`decode${source.dtype}`](stored, to, size)) this.fail(of, to, { from, size })
  }

  /** @throws PassError for the first entry that is not finite */
  private fail(of: PassError['of'], address: number, { from, size }: Run, stored = 0): never {
    const values = new Float32Array(this.parts.memory.buffer, address, size)
    const index = values.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) throw new PassError(of, from + index, values[index]!)
    const format = this.pass.write!.target.dtype
    const halves = new Uint16Array(this.parts.memory.buffer, stored, size)
    const exponent = format === 'F16' ? 0x7c00 : 0x7f80
    const large = halves.findIndex((half) => (half & exponent) === exponent)
    throw new PassError(of, from + large, values[large]!)
  }

  private apply(stage: Stage, v: number, { from, size, table }: Run & { table: number }): void {
    const { kernels } = this.parts
    const { at, pass } = this
    const draw = ([key0, key1]: readonly [number, number]) => kernels.draws(at.draws, size, key0, key1, from)
    /** Index of the last tie in the strip. */
    const lastIn = (lastTie: number) => Math.max(-1, Math.min(size, lastTie - from))
    switch (stage.stage) {
      case 'select': {
        // u = m × 2^-24 with an integer m, so u < rate is m < ceil(rate × 2^24).
        const limit = Math.ceil(stage.rate * 2 ** 24)
        const kept = choicesOf(stage.choices, pass, { from, to: from + size })
        recallDraws(this.parts, at, kept, { size, limit, draw: () => draw(stage.key) })
        return kernels.choose(v, at.draws, size, limit, stage.dropped, stage.kept)
      }
      case 'keep':
        return kernels.keep(v, v, size, patternOf(stage.cut.threshold), lastIn(stage.cut.lastTie), stage.scale)
      case 'drop':
        return kernels.drop(v, size, patternOf(stage.cut.threshold), lastIn(stage.cut.lastTie))
      case 'keepRows': {
        const rule = ['first', 'all', 'none'].indexOf(stage.ties)
        return kernels.keepRows(v, size / pass.columns, pass.columns, stage.k, rule, stage.scale, at.space)
      }
      case 'dropRows':
        return kernels.dropRows(v, size / pass.columns, pass.columns, stage.k, at.space)
      case 'quantise':
        return kernels.quantise(v, size / pass.columns, pass.columns, stage.width, 2 ** stage.bits - 1)
      case 'scale':
        return kernels.scale(v, v, size, stage.factor)
      case 'signs':
        return kernels.signs(v, size, stage.magnitude)
      case 'addBase':
        return kernels.add(v, at.base, size)
      case 'prune': {
        draw(stage.key)
        const rows = size / pass.columns
        if (!stage.factors) return kernels.thin(v, at.draws, rows, pass.columns, table, at.space)
        const factors = table + 4 * stage.limits.length
        return kernels.prune(v, at.draws, rows, pass.columns, table, factors, at.space)
      }
    }
  }

  private reduce(
    each: Reduction,
    i: number,
    where: Run & { addressOf(operand: Operand): number; strip: number },
  ): void {
    const { kernels } = this.parts
    const { from, size, strip, addressOf } = where
    const [x, answer] = [addressOf(each.of), this.answers[i]!]
    switch (each.sum) {
      case 'dot':
      case 'distance':
        answer[strip] = kernels[each.sum](x, addressOf(each.with), size)
        return
      case 'compare': {
        const numbers = numbersOf(each)
        kernels.compare(x, addressOf(each.with), size, this.at.bins[i]!)
        return answer.set(new Float64Array(this.parts.memory.buffer, this.at.bins[i], numbers), numbers * strip)
      }
      case 'rowTies': {
        const { columns } = this.pass
        answer[strip] = kernels.countRowTies(x, size / columns, columns, each.k, this.at.space)
        return
      }
      case 'histogram':
        return kernels.countUpper(x, size, this.at.bins[i]!, this.at.bins[i]! + LIST_AT, MOST_LISTED)
      case 'bracket': {
        const { low, high, first, second, sample } = each
        const table = this.at.bins[i]!
        const equal = new BracketTable(this.pass, sample).equalAt(table, strip)
        return kernels.bracket(x, size, low, high, first, second, from - this.pass.from, table, equal)
      }
      case 'find':
        if (from === each.strip * this.pass.strip)
          this.answers[i] = Float64Array.of(from + kernels.findEqual(x, size, each.bits, each.n))
        return
      default:
        answer[strip] = kernels[each.sum](x, size)
    }
  }

  private write(values: readonly number[], { from, size }: Run): void {
    const { kernels, memory } = this.parts
    const { at, pass } = this
    const { combine, finish, target } = pass.write!
    if (combine.combine === 'sum') {
      for (const [i, v] of values.entries())
        (i === 0 ? kernels.scale : kernels.scaleAndAdd)(at.result, v, size, combine.weights[i]!)
      if (combine.factor !== undefined) kernels.scale(at.result, at.result, size, combine.factor)
    } else this.elect(combine, values, size)
    if (finish === 'base') kernels.add(at.result, at.base, size)
    if (finish === 'restore' && pass.deltas[0]) kernels.restore(at.result, at.input, at.post, at.base, size)
    const bytes = size * WIDTHS[target.dtype]
    // Encoders take eight entries at a time: what an earlier pass left behind the last one is no part of the result.
    new Float32Array(memory.buffer, at.result + 4 * size, 8).fill(0)
    const stored = this.output!.next()
    if (kernels[`encode${target.dtype}`](at.result, stored, size))
      this.fail('result', at.result, { from, size }, stored)
    kernels.checksum(stored, bytes, target.begin + from * WIDTHS[target.dtype], at.state)
    this.output!.add(bytes)
  }

  private elect(
    {
      votes,
      turned,
      factors,
      divisors,
      ...rules
    }: Extract<NonNullable<TensorPass['write']>['combine'], { combine: 'elect' }>,
    values: readonly number[],
    size: number,
  ): void {
    const { memory, kernels } = this.parts
    const { parameters, result } = this.at
    const n = values.length
    new Int32Array(memory.buffer, parameters, n).set(values)
    const lists = [votes, turned, factors, divisors ?? factors]
    lists.forEach((list, k) => new Float32Array(memory.buffer, parameters + 4 * n * (k + 1), n).set(list))
    const [v, t, f, d] = lists.map((_, k) => parameters + 4 * n * (k + 1))
    const flags = (rules.bySign ? 1 : 0) | (rules.largest ? 2 : 0) | (divisors ? 4 : 0) | (rules.clips ? 8 : 0)
    kernels.elect(parameters, n, result, size, v!, t!, f!, d!, flags, rules.majority, rules.lambda, rules.least)
  }
}

/** Entries of a strip: their first index in the tensor, and their number. */
interface Run {
  from: number
  size: number
}
