// The laws of editors: what every editor must keep whatever it does.
import { bitsOf, describeOptions, type Editor, type Options, parseOptions, programOf } from '../editors/index.js'
import { UserError } from '../errors/index.js'
import { together } from '../kernels/index.js'
import { countEntries, keyOf, type Tensor, tf } from '../tensor/index.js'
import { edited, readFor } from './editor-trial.js'
import { bitDifference, difference, law, withOptions } from './law.js'
import { HOLDINGS, openTrials, writes } from './program-trial.js'
import { gramOf, onBackend, PROGRAM_SAMPLES, SHAPE, SHAPES, SIZE, sampleGradient, sampleValues } from './samples.js'

/** An editor with what the laws try on it. */
export interface EditorSubject {
  name: string
  editor: Editor
  /** Options to try, as in a YAML file. */
  options: readonly Record<string, unknown>[]
  /** Standard deviation over the keys of an edited entry, as a share of its value, where it is known. */
  deviation?: ((options: Options) => number) | undefined
}

/** Edits with the same key that are compared with the first. */
const REPEATS = 4

const neutral = law<EditorSubject>('neutral options return the delta bit for bit', async ({ editor }, complain) => {
  if (!editor.neutral) return
  for (const shape of SHAPES) {
    const found = difference(await edited(editor, { ...editor.neutral }, { shape }), sampleValues(countEntries(shape)))
    if (found) complain(`${withOptions(editor.neutral)} on a tensor [${shape}], ${found}`)
  }
})

const empty = law<EditorSubject>(
  'a tensor without entries is left alone and takes no bits',
  async ({ editor, options }, complain) => {
    for (const raw of options) {
      const steps = [{ editor, options: parseOptions(editor, raw) }]
      for (const shape of [[0], [0, 4], [4, 0]]) {
        const { length } = await edited(editor, raw, { shape })
        if (length) complain(`${withOptions(raw)} a tensor [${shape}] gets ${length} entries`)
        const bits = await bitsOf(steps, shape, 0, { seed: 0, tensor: 'w' })
        if (bits !== 0) complain(`${withOptions(raw)} a tensor [${shape}] takes ${bits} bits`)
      }
    }
  },
)

const zero = law<EditorSubject>('zero stays zero', async ({ editor, options }, complain) => {
  const input = new Float32Array(SIZE)
  for (const raw of options) {
    const found = difference(await edited(editor, raw, { input }), input)
    if (found) complain(`${withOptions(raw)} on a tensor of zeros, ${found}`)
  }
})

const finite = law<EditorSubject>(
  'results are finite and have the shape of the delta, tiny shapes too; the input is as it was',
  async ({ editor, options }, complain) => {
    for (const raw of options) {
      for (const shape of SHAPES) {
        const where = `${withOptions(raw)} on a tensor [${shape}]`
        const input = sampleValues(countEntries(shape))
        const result = await edited(editor, raw, { shape, input })
        const wild = result.findIndex((value) => !Number.isFinite(value))
        if (wild >= 0) complain(`${where}, entry ${wild} is ${result[wild]}`)
        if (result.length !== input.length) complain(`${where}, ${result.length} entries, not ${input.length}`)
        const changed = difference(input, sampleValues(input.length))
        if (changed) complain(`${where}, the input is changed: ${changed}`)
      }
    }
  },
)

const oneTensor = law<EditorSubject>(
  'exactly one new float32 tensor of the same shape',
  async ({ editor, options: all }, complain) => {
    for (const raw of all) {
      const where = withOptions(raw)
      const input = sampleValues(SIZE)
      const options = parseOptions(editor, raw)
      const [x, gradient] = [tf.tensor(input, [...SHAPE]), tf.tensor(sampleGradient(SIZE), [...SHAPE])]
      const before = tf.memory().numTensors
      const key = keyOf(1, 'w')
      const found = await readFor(editor, options, input, key)
      const read = tf.memory().numTensors
      if (read !== before) complain(`${where} ${read - before} tensors are left behind before the edit`)
      const out = tf.tidy(() => editor.edit(x, { options, key, offset: 0, gradient, gram: gramOf(SHAPE[1]), ...found }))
      const held = tf.memory().numTensors
      const same = out.id === x.id || out.id === gradient.id
      const [shape, dtype] = [out.shape, out.dtype]
      const after = x.isDisposed ? null : ((await x.data()) as Float32Array)
      tf.dispose([x, gradient, out])
      if (same) complain(`${where} it returns a tensor that it was given: return a clone()`)
      if (held !== before + 1) complain(`${where} there are ${held - before} new tensors`)
      if (shape.join() !== SHAPE.join()) complain(`${where} the shape is [${shape}], not [${SHAPE}]`)
      if (dtype !== 'float32') complain(`${where} the dtype is ${dtype}, not float32`)
      const changed = after ? difference(after, input) : 'it is disposed'
      if (changed) complain(`${where} the input is not as it was: ${changed}`)
    }
  },
)

const keyed = law<EditorSubject>(
  'same key, same bits; another key, other bits if and only if stochastic',
  async ({ editor, options }, complain) => {
    for (const raw of options) {
      const first = await edited(editor, raw)
      // More than twice: an editor that throws a coin of its own gives the same bits now and then.
      for (let tries = 0; tries < REPEATS; tries++) {
        const again = difference(await edited(editor, raw), first)
        if (again) complain(`${withOptions(raw)} and seed 1 twice, ${again}`)
      }
      const other = difference(await edited(editor, raw, { seed: 2 }), first)
      const claimed = editor.stochastic(parseOptions(editor, raw))
      if (claimed !== (other !== null))
        complain(
          `${withOptions(raw)} stochastic says ${claimed}, but seeds 1 and 2 give ${other ? `other bits: ${other}` : 'the same bits'}`,
        )
    }
  },
)

const strict = law<EditorSubject>('an unknown option is refused by name', async ({ editor, options }, complain) => {
  let refusal = 'it is taken'
  try {
    parseOptions(editor, { ...options[0], no_such_option: 0.5 })
  } catch (error) {
    refusal = error instanceof UserError ? error.message : String(error)
  }
  if (!refusal.includes(`${editor.name} "no_such_option"`)) complain(`no_such_option: ${refusal}`)
})

const described = law<EditorSubject>(
  'the axis is an option; every option has a sentence; storage is 0 to 16 bits per entry',
  async ({ editor, options }, complain) => {
    const names = Object.keys(editor.options.shape)
    if (names.length && !names.includes(editor.axis ?? ''))
      complain(`axis ${editor.axis} is not one of ${names.join(', ')}`)
    for (const { name, description } of describeOptions(editor))
      if (!/^.{20,}\.$/s.test(description))
        complain(`the .describe() of ${name} must be a sentence of 20 characters or more; got "${description}"`)
    for (const raw of options) {
      const steps = [{ editor, options: parseOptions(editor, raw) }]
      for (const shape of SHAPES) {
        const n = countEntries(shape)
        const bits = await bitsOf(steps, shape, n, { seed: 1, tensor: 'w' })
        if (!(bits >= 0 && bits <= 16 * n)) complain(`${withOptions(raw)} a tensor [${shape}] takes ${bits} bits`)
      }
    }
  },
)

const backends = law<EditorSubject>('cpu and wasm agree', async ({ editor, options }, complain) => {
  for (const raw of options) {
    const wasm = await edited(editor, raw)
    const cpu = await onBackend('cpu', () => edited(editor, raw))
    const largest = wasm.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const found = difference(wasm, cpu, 1e-6 * largest)
    if (found) complain(`${withOptions(raw)}, ${found}`)
  }
})

const blocks = law<EditorSubject>('block by block equals the whole', async ({ editor, options: all }, complain) => {
  if (editor.reads === 'matrix') return
  const [input, gradient, key] = [sampleValues(SIZE), sampleGradient(SIZE), keyOf(1, 'w')]
  for (const raw of all) {
    const options = parseOptions(editor, raw)
    const found = await readFor(editor, options, input, key)
    const edit = (offset: number, size: number): Tensor =>
      tf.tidy(() => {
        const cut = (values: Float32Array) => tf.tensor1d(values.slice(offset, offset + size))
        return editor.edit(cut(input), { options, key, offset, gradient: cut(gradient), ...found })
      })
    const [whole, ...parts] = [edit(0, SIZE), edit(0, 13), edit(13, 50), edit(63, 33)]
    const joined = (await Promise.all(parts.map((part) => part.data()))).flatMap((values) => [...values])
    const different = difference(joined, await (whole as Tensor).data())
    tf.dispose([whole, ...parts] as Tensor[])
    if (different) complain(`${withOptions(raw)} in blocks from 0, 13 and 63, ${different}`)
  }
})

const programs = law<EditorSubject>(
  'the program on kernels gives the bits and the warnings of the edit',
  async ({ editor, options: all }, complain) => {
    const run = openTrials()
    for (const raw of all) {
      const steps = [{ editor, options: parseOptions(editor, raw) }]
      for (const { shape, valuesOf } of PROGRAM_SAMPLES) {
        const make = () => programOf(steps, shape, { seed: 1, tensor: 'w' })
        if (!make()) continue
        const input = valuesOf(countEntries(shape), 0)
        const said: string[] = []
        const expected = await edited(editor, raw, { shape, input, onWarning: (text) => said.push(text) })
        for (const holding of HOLDINGS) {
          const program = writes(together([make()!]), () => ({ combine: 'sum', weights: [1] }))
          const { result, found } = await run({ shape, models: [input], program, holding })
          const where = `${withOptions(raw)} on a tensor [${shape}] ${holding}`
          const different = bitDifference(result, expected)
          if (different) complain(`${where}, the program and the edit differ: ${different}`)
          if (found.flat().join('\n') !== said.join('\n'))
            complain(
              `${where}, the program warns of ${JSON.stringify(found.flat())}, the edit of ${JSON.stringify(said)}`,
            )
        }
      }
    }
  },
)

/** Keys and entries of the law of the mean. */
const KEYS = 400
const MEAN_SIZE = 2000

const unbiased = law<EditorSubject>(
  `the mean over ${KEYS} keys is the delta within 4 standard errors, where that is claimed`,
  async ({ editor, options: all, deviation }, complain) => {
    for (const raw of all) {
      const options = parseOptions(editor, raw)
      if (!editor.unbiased(options) || !editor.stochastic(options)) continue
      const input = sampleValues(MEAN_SIZE)
      const [mean, squares] = [new Float64Array(MEAN_SIZE), new Float64Array(MEAN_SIZE)]
      for (let seed = 0; seed < KEYS; seed++) {
        const result = await edited(editor, raw, { seed, input, shape: [MEAN_SIZE] })
        result.forEach((value, i) => {
          mean[i]! += value / KEYS
          squares[i]! += (value - input[i]!) ** 2 / KEYS
        })
      }
      const spread = squares.reduce((sum, square) => sum + square, 0)
      const norm = input.reduce((sum, value) => sum + value * value, 0)
      // Of an entry, as a share of its value; few draws that count much have no mean to speak of.
      const share = (deviation?.(options) ?? Math.sqrt(spread / norm)) / Math.sqrt(KEYS)
      if (share < 0.4) {
        // Every entry alone: 2000 tests at 5.5 standard errors fail less than once in 10 000 correct editors.
        input.forEach((value, i) => {
          const own = deviation ? 0 : Math.sqrt(squares[i]! / KEYS)
          const bound = 5.5 * Math.max(share * Math.abs(value), own) + 1e-7
          if (!(Math.abs(mean[i]! - value) <= bound))
            complain(`${withOptions(raw)} the mean of entry ${i} is ${mean[i]}, not ${value} within ${bound}`)
        })
      }
      // All entries together.
      const total = input.reduce((bias, value, i) => bias + (mean[i]! - value) * Math.sign(value), 0)
      const bound = 4 * Math.sqrt(spread / KEYS)
      if (!(Math.abs(total) < bound))
        complain(`${withOptions(raw)} all entries are off by ${total}, more than ${bound}`)
    }
  },
)

/** All laws of editors, in the order in which they are checked. */
export const editorLaws = [
  neutral,
  empty,
  zero,
  finite,
  oneTensor,
  keyed,
  strict,
  described,
  backends,
  blocks,
  programs,
  unbiased,
] as const
