// mergekit's YAML in, mergekit's weights out.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertClose } from '../close.js'
import { cases } from '../mergers/fixtures.js'
import { type CommandCase, merge, readWords, root, runCommand, scratch, spawnMerge } from './fixtures.js'
import '../backend.js'

for (const reference of cases.filter(({ kind }) => kind === 'cli')) {
  test(reference.id, async () => {
    const { share, where, out } = await runCommand(reference as CommandCase)
    assert.ok(share <= 1, `${where}: ${share} times the tolerance`)
    const read = (file: string): Record<string, unknown> =>
      JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const { expected_config: file, layers } = reference as CommandCase
    const [config, wanted] = [read(join(out, 'config.json')), read(join(root, file.replace(/^cli\//, '')))]
    assert.deepEqual(
      [config.num_hidden_layers, config.torch_dtype],
      [wanted.num_hidden_layers, wanted.dtype ?? wanted.torch_dtype],
    )
    assert.equal(config.num_hidden_layers, layers)
  })
}

test('dare_linear at random: the fraction kept, the L1 norm, one factor per tensor; a seed fixes the bits', async () => {
  const at = (name: string): string => join(scratch, `dare-${name}`)
  for (const [name, seed] of [
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ] as const)
    await merge('dare-linear-random/config.yml', at(name), { seed })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => readWords(join(at(name), 'model.safetensors')))
  const [base, post] = ['base', 'ft1'].map((name) => readWords(join(root, 'models', name, 'model.safetensors')))
  let [kept, entries] = [0, 0]
  for (const [name, { values }] of base!) {
    const delta = post!.get(name)!.values.map((v, i) => v - values[i]!)
    const edited = a!.get(name)!.values.map((v, i) => v - values[i]!)
    const l1 = (list: Float32Array): number => list.reduce((sum, v) => sum + Math.abs(v), 0)
    assertClose(l1(edited) / l1(delta), 1, { tolerance: 1e-5 }, name)
    const factors = [...edited.keys()]
      .filter((i) => edited[i] !== 0 && Math.abs(delta[i]!) > 1e-3)
      .map((i) => edited[i]! / delta[i]!)
    assert.ok(Math.max(...factors) - Math.min(...factors) < 1e-3 * Math.max(...factors), name)
    kept += edited.filter((v) => v !== 0).length
    entries += edited.length
    assert.deepEqual(b!.get(name), a!.get(name))
  }
  assertClose(kept / entries, 0.5, { tolerance: 4 * Math.sqrt(0.25 / entries) })
  assert.notDeepEqual(c!.get('lm_head.weight'), a!.get('lm_head.weight'))
})

test('on the command line: a dry run writes nothing, a merge says its convention, an input is never overwritten', () => {
  const out = join(scratch, 'spawned')
  const dry = spawnMerge('linear/config.yml', out, '--dry-run')
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(
    dry.stdout,
    /method linear, convention mergekit\nmodel ft1 .* 19\.6k parameters, F32, 2 layers, vocabulary of 64/,
  )
  assert.match(dry.stdout, /result 21 tensors, 19\.6k parameters, BF16, 2 layers\ndisk {3}39\.2 kB/)
  assert.match(dry.stdout, /\nmemory 175\.0 MB at least\ntime {3}about 0\.\d s on this machine, /)
  assert.throws(() => readFileSync(join(out, 'config.json')))
  const done = spawnMerge('linear/config.yml', out)
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout, /merged by linear \(convention: mergekit\)/)
  for (const options of [[], ['--dry-run']]) {
    const again = spawnMerge('linear/config.yml', out, ...options)
    assert.deepEqual([again.code, again.stderr.split('; ')[1]], [1, 'choose another name or give --overwrite'])
    const inFile = join(out, 'config.json', 'merged')
    const refused = spawnMerge('linear/config.yml', inFile, '--overwrite', ...options)
    assert.deepEqual([refused.code, refused.stderr], [1, `deltalab: ${inFile}: exists and is not a folder`])
  }
})
