// An index that disagrees with its files.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { folder } from '../checkpoint/files.js'
import { closed, type Tensors, TRANSFORMERS, temporary } from './models.js'
import { compatible } from './row.js'

/** Two shards of one tensor each, `a` = 1 and `b` = 2, with another index; `more` is a third file with `a` = 7. */
function sharded(path: string, places: Record<string, string>, more?: string): string {
  mkdirSync(path)
  const file = (name: string, tensors: Tensors) => {
    folder(join(path, 'made'), tensors, null)
    mkdirSync(dirname(join(path, name)), { recursive: true })
    renameSync(join(path, 'made', 'model.safetensors'), join(path, name))
  }
  file('one.safetensors', { a: [[1], [1]] })
  file('two.safetensors', { b: [[1], [2]] })
  if (more) file(more, { a: [[1], [7]] })
  rmSync(join(path, 'made'), { recursive: true })
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: places }))
  return path
}

compatible(
  {
    what: 'an index that disagrees with its files: names too many or too few, in another file, in several; in a folder below; by whole paths that lead into the folder',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'the files that it names count, of several the last by name; one line says so',
  },
  async (context) => {
    const root = temporary(context)
    const [one, two] = ['one.safetensors', 'two.safetensors']
    for (const [name, places, more, a, words] of [
      ['agree', { a: one, b: two }, undefined, 1, null],
      [
        'ghost',
        { a: one, b: two, c: two },
        undefined,
        1,
        /read, as in transformers: 1 tensor in the index and in no file: c$/,
      ],
      ['moved', { a: two, b: one }, undefined, 1, /2 tensors in another file than the index says: a, b$/],
      [
        'extra',
        { a: one, c: two },
        undefined,
        1,
        /1 tensor in a file and not in the index: b; 1 tensor in the index and in no file: c$/,
      ],
      [
        'later',
        { a: 'z.safetensors', b: two, c: one },
        'z.safetensors',
        7,
        /1 tensor in several files: a \(z\.safetensors counts\)/,
      ],
      [
        'before',
        { a: 'm.safetensors', b: two, c: one },
        'm.safetensors',
        1,
        /1 tensor in several files: a \(one\.safetensors counts\)/,
      ],
      ['dotted', { a: './one.safetensors', b: './two.safetensors' }, undefined, 1, null],
      ['whole', { a: join(root, 'whole', one), b: `../whole/${two}` }, undefined, 1, null],
      ['below', { a: 'sub/one.safetensors', b: two }, 'sub/one.safetensors', 7, null],
      ['unnamed', { a: one, b: two }, 'z.safetensors', 1, null],
    ] as const) {
      const model = await openCheckpoint(sharded(join(root, name), places, more))
      await closed([model], async () => {
        assert.deepEqual([[...(await model.read('a'))], [...(await model.read('b'))]], [[a], [2]], name)
        assert.equal(model.notes.length, words ? 1 : 0, name)
        if (words) assert.match(model.notes[0]!, words)
      })
    }
    const path = sharded(join(root, 'single'), { a: one, b: two })
    copyFileSync(join(path, one), join(path, 'model.safetensors'))
    copyFileSync(join(path, two), join(path, 'model_1.safetensors'))
    const model = await openCheckpoint(path)
    await closed([model], async () => {
      assert.deepEqual([...model.tensors.keys()], ['a'])
      assert.deepEqual(
        model.notes,
        ['model.safetensors.index.json', 'model_1.safetensors'].map(
          (other) => `${path}: model.safetensors is read, and not ${other}`,
        ),
      )
    })
  },
)

compatible(
  {
    what: 'weights that config.json names (transformers_weights): a file, or the index of several',
    outcome: 'read',
    like: 'transformers 5.24.0',
    note: 'it counts before model.safetensors; one line says so',
  },
  async (context) => {
    const root = temporary(context)
    const [one, two, index] = ['one.safetensors', 'two.safetensors', 'model.safetensors.index.json']
    const named = (name: string, transformers_weights: unknown): string => {
      const path = sharded(join(root, name), { a: one, b: two })
      copyFileSync(join(path, one), join(path, 'model.safetensors'))
      writeFileSync(join(path, 'config.json'), JSON.stringify({ transformers_weights }))
      return path
    }
    for (const [given, tensors] of [
      [two, ['b']],
      [index, ['a', 'b']],
      [null, ['a']],
    ] as const) {
      const model = await openCheckpoint(named(String(given), given))
      await closed([model], async () => {
        assert.deepEqual([...model.tensors.keys()], tensors)
        assert.match(
          model.notes.join(),
          given === null ? /and not model\.safetensors\.index/ : /names \S+ as the weights/,
        )
      })
    }
    // Beside an adapter, or a GGUF file, they are whole weights as those of the usual name are.
    const beside = named('beside', two)
    rmSync(join(beside, 'model.safetensors'))
    rmSync(join(beside, index))
    assert.equal(isAdapter(beside), false)
    writeFileSync(join(beside, 'a.gguf'), '')
    const model = await openCheckpoint(beside)
    await closed([model], async () => assert.deepEqual([...model.tensors.keys()], ['b']))
    writeFileSync(join(beside, 'adapter_config.json'), '{}')
    assert.equal(isAdapter(beside), false)
    rmSync(join(beside, two))
    assert.equal(isAdapter(beside), true)
    for (const [i, given] of ['../one.safetensors', 'pytorch_model.bin', 'three.safetensors', 7].entries())
      await assert.rejects(openCheckpoint(named(`bad${i}`, given)), /transformers_weights (is .* wanted|names three)/)
  },
)
compatible(
  { what: 'an index that names a file which is not there', outcome: 'refused', like: 'names the file' },
  async (context) => {
    const path = sharded(join(temporary(context), 'm'), { a: 'one.safetensors', b: 'three.safetensors' })
    await assert.rejects(openCheckpoint(path), /shard "three\.safetensors" is missing$/)
    symlinkSync('nowhere', join(path, 'three.safetensors'))
    await assert.rejects(openCheckpoint(path), /is missing; three\.safetensors is a link that leads to no file: fetch/)
    rmSync(join(path, 'three.safetensors'))
    for (const [i, given] of [
      '../one.safetensors',
      join(path, '..', 'one.safetensors'),
      '.\\one.safetensors',
      '.',
      7,
    ].entries()) {
      const other = sharded(join(dirname(path), String(i)), { a: given as string })
      await assert.rejects(
        openCheckpoint(other),
        /tensor "a": shard .* is no path of a file in the folder, with \/ between/,
      )
    }
    writeFileSync(join(path, 'THREE.safetensors'), '')
    await assert.rejects(openCheckpoint(path), /is missing; THREE\.safetensors is there, in other letters$/)
    writeFileSync(join(path, 'three.safetensors.part'), '')
    await assert.rejects(openCheckpoint(path), /is missing; three\.safetensors\.part: a download that did not end/)
    const cached = join(dirname(path), 'models--org--m', 'snapshots')
    mkdirSync(cached, { recursive: true })
    const snapshot = sharded(join(cached, 'a'.repeat(40)), { a: 'one.safetensors', b: 'three.safetensors' })
    process.env.HF_HUB_OFFLINE = '1'
    await assert.rejects(openCheckpoint(snapshot), /is missing; only a part of m is in the cache, and HF_HUB_OFFLINE/)
    delete process.env.HF_HUB_OFFLINE
  },
)

compatible(
  {
    what: 'a file of weights that ends in zeros, as a download that was cut and had its room reserved',
    outcome: 'read',
    like: TRANSFORMERS,
    note: 'one line says so: weights of zeros look the same',
  },
  async (context) => {
    const root = temporary(context)
    for (const [name, from, noted] of [
      ['cut', 1 << 14, true],
      ['whole', 1 << 16, false],
    ] as const) {
      const values = Array.from({ length: 1 << 16 }, (_, i) => Number(i < from))
      if (!noted) values[values.length - 1] = 1
      const model = await openCheckpoint(folder(join(root, name), { a: [[1 << 16], values] }, null))
      await closed([model], async () => {
        assert.equal(model.notes.length, noted ? 1 : 0)
        if (noted) assert.match(model.notes[0]!, /its last 65536 bytes are zeros, up to the end of a: if that is no/)
      })
    }
  },
)
