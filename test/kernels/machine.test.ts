// The machine of passes: what each operand, reduction and way to finish means, by numbers worked out by hand, whatever lies in memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '../../src/checkpoint/dtype.js'
import { makeMachine, PassError, type Reduction, type Stage, type TensorPass } from '../../src/kernels/index.js'
import { uniforms } from '../../src/tensor/index.js'

/** Base 1, 2, 3, 4, 5; delta 0, 1, -2, 0.5, 0. */
const files: Record<string, Uint8Array> = {
  base: encode('BF16', Float32Array.of(1, 2, 3, 4, 5)),
  post: encode('F16', Float32Array.of(1, 3, 1, 4.5, 5)),
  bad: encode('F32', Float32Array.of(1, 2, 3, NaN, 5)),
  doubles: new Uint8Array(Float64Array.of(1, 3, 1, 4.5, 5).buffer),
}

function open() {
  const written = new Uint8Array(64)
  const machine = makeMachine(1 << 23, {
    read(file, target, position) {
      // A memory full of numbers that no format can hold: nothing may depend on what an earlier pass left behind.
      if (file === 'poison') {
        new Float32Array(target.buffer).fill(3e38)
        throw new Error('poison')
      }
      target.set(files[file]!.subarray(position, position + target.length))
    },
    write: (_, bytes, position) => written.set(bytes, position),
  })
  const pass: TensorPass = {
    tensor: 1,
    size: 5,
    strip: 5,
    columns: 5,
    from: 0,
    to: 5,
    runs: null,
    base: { file: 'base', begin: 0, dtype: 'BF16' },
    models: [{ file: 'post', begin: 0, dtype: 'F16' }],
    deltas: [true],
    resident: false,
    stages: [[]],
    reductions: [],
    write: null,
  }
  return { machine, pass, written }
}

test('reductions of the values, the base, the model as it is stored, and its delta', () => {
  for (const resident of [false, true]) {
    const { machine, pass } = open()
    const sums = (...reductions: Reduction[]) =>
      machine
        .run({ ...pass, resident, stages: [[{ stage: 'scale', factor: 2 }]], reductions })
        .answers.map((answer) => [...answer])
    assert.deepEqual(
      sums(
        { sum: 'magnitudes', of: 0 },
        { sum: 'total', of: 0 },
        { sum: 'nonZero', of: 0 },
        { sum: 'largest', of: 0 },
        { sum: 'total', of: 'base' },
        { sum: 'total', of: 'post' },
        { sum: 'magnitudes', of: 'input' },
        { sum: 'dot', of: 'base', with: 'post' },
        { sum: 'dot', of: 'base', with: 0 },
        { sum: 'dots', of: 'base', with: 'post' },
        { sum: 'distance', of: 'base', with: 'post' },
        { sum: 'distance', of: 'input', with: 0 },
      ),
      [
        ...[[7], [-1], [3], [4], [15], [14.5], [3.5], [1 + 6 + 3 + 18 + 25], [4 - 12 + 4]],
        ...[[53, 1 + 4 + 9 + 16 + 25, 1 + 9 + 1 + 20.25 + 25], [1 + 4 + 0.25], [1 + 4 + 0.25]],
      ],
    )
    // Once more, from values that may be in memory.
    assert.deepEqual(sums({ sum: 'total', of: 0 }, { sum: 'total', of: 'base' }), [[-1], [15]])
  }
})

test('norms before and after a choice at random are the sums of each alone', () => {
  const key = [5, 6] as const
  for (let size = 1; size <= 35; size++) {
    const values = uniforms(size, key).map((u, i) => u * (i % 3 ? 1 : -1e-3))
    const limits = Int32Array.from({ length: size }, (_, rank) => (1 - 0.5 * (rank / size)) * 2 ** 24)
    const choices: Stage[] = [
      { stage: 'select', key, rate: 0.4, dropped: 0, kept: 1 },
      { stage: 'prune', key, limits, factors: null },
    ]
    for (const stage of choices) {
      const { machine, pass } = open()
      const asked: Reduction[] = [
        { sum: 'magnitudes', of: 0, back: 1 },
        { sum: 'magnitudes', of: 0 },
      ]
      const find = (reductions: Reduction[]) => {
        const shape = { size, strip: size, columns: size, to: size, base: null, deltas: [false] }
        return machine.run({ ...pass, ...shape, models: [{ values }], stages: [[stage]], reductions }).answers
      }
      assert.deepEqual(
        find(asked),
        asked.flatMap((each) => find([each])),
        `${stage.stage} of ${size}`,
      )
    }
  }
})

test('three dot products are those of each alone, strip by strip', () => {
  const strip = 16
  for (const size of [1, 3, 4, 16, 17, 35]) {
    const [x, y] = [uniforms(size, [1, 2]), uniforms(size, [3, 4])]
    const { machine, pass } = open()
    const find = (reductions: Reduction[]) => {
      const shape = { size, strip, columns: 1, to: size, base: null, deltas: [false, false], stages: [[], []] }
      return machine.run({ ...pass, ...shape, models: [{ values: x }, { values: y }], reductions }).answers
    }
    const [all] = find([{ sum: 'dots', of: 0, with: 1 }])
    const alone = [[0, 1] as const, [0, 0] as const, [1, 1] as const].map(
      ([one, two]) => find([{ sum: 'dot', of: one, with: two }])[0]!,
    )
    assert.deepEqual(
      [...all!],
      [...alone[0]!.keys()].flatMap((n) => alone.map((sums) => sums[n])),
      `of ${size}`,
    )
  }
})

test('a result: plain, on the base, and with untouched entries as they were stored', () => {
  const results = {
    plain: [0, 1, -0, 0.5, 0],
    base: [1, 3, 3, 4.5, 5],
    // The delta of the third entry is dropped; the others are those of the model.
    restore: [1, 3, 3, 4.5, 5],
  }
  for (const [finish, expected] of Object.entries(results))
    for (const resident of [false, true])
      for (const [size, poisoned] of [
        [5, false],
        [5, true],
        [3, true],
      ] as const) {
        const { machine, pass, written } = open()
        if (poisoned) assert.throws(() => machine.run({ ...pass, base: { ...pass.base!, file: 'poison' } as never }))
        const stages = [[{ stage: 'drop', cut: { threshold: 2, lastTie: 4 } }]] as const
        machine.run({
          ...pass,
          ...{ size, strip: size, columns: size, to: size },
          resident,
          stages,
          write: {
            combine: { combine: 'sum', weights: [1] },
            finish: finish as 'plain',
            target: { file: 'out', begin: 2, dtype: 'F16' },
          },
        })
        const bytes = encode('F16', Float32Array.from(expected.slice(0, size)))
        const where = `${finish}${resident ? ', resident' : ''}${poisoned ? ', poisoned' : ''}`
        assert.deepEqual(written.subarray(2, 2 + 2 * size), bytes, where)
        assert.deepEqual([written[0], written[2 + 2 * size]], [0, 0], `${where}: bytes beside`)
      }
})

test('a sum times a factor; divisors that count as the least one', () => {
  const { machine, pass, written } = open()
  const models = [Float32Array.of(2, 1e-3, -1, 0), Float32Array.of(1, 0, 3, 0)].map((values) => ({ values }))
  const of = {
    ...pass,
    size: 4,
    strip: 4,
    columns: 4,
    to: 4,
    base: null,
    models,
    deltas: [false, false],
    stages: [[], []],
  }
  const result = (combine: NonNullable<TensorPass['write']>['combine']) => {
    machine.run({ ...of, write: { combine, finish: 'plain', target: { file: 'out', begin: 0, dtype: 'F32' } } })
    return [...new Float32Array(written.buffer, 0, 4)]
  }
  assert.deepEqual(result({ combine: 'sum', weights: [1, 2], factor: 0.5 }), [2, Math.fround(5e-4), 2.5, 0])
  // Weights 1/4 and 1: the second entry has 1/4 alone, and with a least divisor of 1/2 that counts as 1/2.
  const rules = { bySign: false, largest: false, lambda: 1, votes: [1, 1], turned: [1, 1] }
  const elect = { combine: 'elect', ...rules, factors: [0.25, 1], divisors: [0.25, 1] } as const
  assert.deepEqual(result({ ...elect, least: 0.5, clips: true }), [1.5 / 1.25, 5e-4, 3, 0].map(Math.fround))
  assert.deepEqual(result({ ...elect, least: 0 }), [1.5 / 1.25, 1e-3, 3, 0].map(Math.fround))
})

test('values that are not finite: where they are, in the whole tensor', () => {
  const { machine, pass } = open()
  const stopped = (more: Partial<TensorPass>) => {
    try {
      machine.run({ ...pass, ...more })
    } catch (error) {
      if (error instanceof PassError) return { of: error.of, index: error.index, value: error.value }
      throw error
    }
    throw new Error('it is taken')
  }
  const bad = { file: 'bad', begin: 0, dtype: 'F32' } as const
  assert.deepEqual(stopped({ models: [bad] }), { of: 0, index: 3, value: NaN })
  assert.deepEqual(stopped({ base: bad }), { of: 'base', index: 3, value: NaN })
  // The second strip of a tensor of two.
  assert.deepEqual(
    stopped({ models: [{ ...bad, begin: -8 }], base: { ...pass.base!, begin: -4 } as never, from: 2, to: 7 }),
    {
      of: 0,
      index: 5,
      value: NaN,
    },
  )
  const target = { file: 'out', begin: 0, dtype: 'F16' } as const
  const write = { combine: { combine: 'sum', weights: [20000] }, finish: 'plain', target } as const
  assert.deepEqual(stopped({ write, deltas: [false] }), { of: 'result', index: 3, value: 90000 })
})

test('float64 is read as it is rounded', () => {
  const { machine, pass } = open()
  const models = [{ file: 'doubles', begin: 0, dtype: 'F64' }] as const
  const { answers } = machine.run({ ...pass, models, reductions: [{ sum: 'total', of: 'input' }] })
  assert.deepEqual([...answers[0]!], [-0.5])
})

test('entries that are dropped by rank, as a sort says', () => {
  const written = new Uint8Array(4 << 14)
  const machine = makeMachine(1 << 23, {
    read: () => assert.fail('nothing is read'),
    write: (_, bytes, position) => written.set(bytes, position),
  })
  const kinds: ((i: number) => number)[] = [
    (i) => Math.sin(i * i),
    // Ties, one magnitude, zeros among subnormal numbers, and magnitudes of one bin.
    (i) => Math.round(8 * Math.sin(i * i)) / 8,
    (i) => (i % 3 ? 0.5 : -0.5),
    (i) => (i % 2 ? 0 : Math.sin(i) * 2 ** -127),
    (i) => 1 + Math.sin(i * i) / 1024,
  ]
  const rest = { runs: null, base: null, deltas: [false], resident: false, reductions: [] }
  for (const [n, kind] of kinds.entries())
    for (const [columns, rows] of [
      [1, 5],
      [67, 3],
      [1500, 2],
      [5003, 1],
    ] as const) {
      const size = columns * rows
      const values = Float32Array.from({ length: size }, (_, i) => kind(i + 1))
      // Kept with a probability from 0.2 to 0.8.
      const limits = Int32Array.from({ length: columns }, (_, rank) => (0.8 - (0.6 * rank) / columns) * 2 ** 24)
      const key = [n, columns] as const
      const run = (values: Float32Array, ...stages: Stage[]) => {
        machine.run({
          ...{ tensor: 0, size, strip: size, columns, from: 0, to: size, models: [{ values }], ...rest },
          stages: [stages],
          write: {
            combine: { combine: 'sum', weights: [1] },
            finish: 'plain',
            target: { file: 'out', begin: 0, dtype: 'F32' },
          },
        })
        return new Float32Array(written.slice(0, 4 * size).buffer)
      }
      const draws = uniforms(size, key)
      const expected = values.slice()
      for (let from = 0; from < size; from += columns) {
        const order = Array.from({ length: columns }, (_, i) => from + i)
        order.sort((a, b) => Math.abs(values[a]!) - Math.abs(values[b]!) || a - b)
        for (const [rank, i] of order.entries()) if (draws[i]! * 2 ** 24 < limits[rank]!) expected[i]! *= 0
      }
      for (const factors of [null, new Float32Array(columns).fill(1)]) {
        const stage = { stage: 'prune', key, limits, factors } as const
        const where = `values ${n}, rows of ${columns}`
        assert.deepEqual(run(values, stage), expected, where)
        // What one stage leaves behind is nothing to the next one.
        const half = { stage: 'keepRows', k: Math.ceil(columns / 2), ties: 'first', scale: 1 } as const
        assert.deepEqual(run(values, stage, half), run(expected, half), where)
      }
    }
})
