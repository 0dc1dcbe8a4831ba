// Files of torch.save: what is read, with the numbers that torch.load gives, and what is refused by name.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { pickle } from '../torch/pickle.js'
import { equalsExpected } from './expected.js'
import { compatible } from './row.js'

/** Buffers of the fixtures `types` and `objects`. */
const BUFFERS = ['u16', 'position_ids', 'mask', 'freqs_cis']

const read = (what: string, names: readonly string[], note?: string) =>
  compatible({ what, outcome: 'read', like: 'torch 2.13.0', note }, async () => {
    for (const name of names) await equalsExpected(`test/fixtures/torch/${name}`, { others: BUFFERS })
  })

read('pytorch_model.bin, one file (zip, torch 1.6 and later)', ['zip', 'types'])
read('pytorch_model.bin in shards, with pytorch_model.bin.index.json', ['shards'])
read('pytorch_model.bin in the form of torch before 1.6', ['legacy', 'views-legacy'])
read('Tensors that share a storage: tied, transposed, strided, repeated, negated, without entries', [
  'shared-views',
  'views',
  'views-legacy',
])
read('A state dict beside numbers and text of a trainer; parameters', ['trainer'])
read('A file that was saved with pickle_protocol 4', ['protocol-4'])
read(
  'A state dict two dicts below, beside arguments, paths, NumPy values and an optimizer; tensors with attributes, complex tables',
  ['objects'],
  'objects are not made; a line says which dict is read, and what was passed over in it',
)

compatible({ what: 'adapter_model.bin of peft before 0.6', outcome: 'read', like: 'torch 2.13.0' }, async () => {
  const base = await openCheckpoint('test/fixtures/adapters/plain')
  const [found, expected] = [
    await openAdapter('test/fixtures/torch/adapter', base),
    await openAdapter('test/fixtures/adapters/plain-biases', base),
  ]
  for (const name of expected.tensors.keys()) assert.deepEqual(await found.read(name), await expected.read(name), name)
  assert.deepEqual(Object.keys(await found.hashes()).sort(), ['adapter_config.json', 'adapter_model.bin'])
  await Promise.all([found.close(), expected.close(), base.close()])
})

const refused = (what: string, like: string, file: () => Buffer | string, words: RegExp) =>
  compatible({ what, outcome: 'refused', like }, async (context) => {
    const root = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
    context.after(() => rmSync(root, { recursive: true, force: true }))
    cpSync('test/fixtures/torch/legacy/config.json', join(root, 'config.json'))
    writeFileSync(join(root, 'pytorch_model.bin'), file())
    await assert.rejects(openCheckpoint(root), words)
  })

const legacy = (...body: Parameters<typeof pickle>) => Buffer.concat([pickle.legacy(...body), pickle(']')])

refused(
  'A pickle that calls a function that makes neither tensors nor plain values',
  'names what it calls; nothing of it is run',
  () => legacy('}', pickle.text('w'), pickle.global('os', 'getcwd'), ')Rs'),
  /calls os\.getcwd, which no weights need/,
)
refused(
  'A whole model in a file of torch.save',
  'save its state_dict()',
  () => legacy(pickle.global('my.models', 'Model'), ')\x81}b'),
  /an object of my\.models\.Model, .* save its state_dict\(\)/,
)
for (const [name, words] of [
  ['_rebuild_qtensor', 'a quantised torch tensor'],
  ['_rebuild_sparse_tensor', 'a sparse tensor'],
  ['_rebuild_meta_tensor_no_storage', 'a tensor without data'],
] as const)
  refused(
    `A file of torch.save with ${words} among its weights`,
    'names the tensor',
    () => legacy('}', pickle.text('w'), pickle.global('torch._utils', name), ')Rs'),
    RegExp(`tensor w is ${words}`),
  )
refused(
  'A Git LFS pointer as pytorch_model.bin',
  'fetch the weights with "git lfs pull"',
  () => 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
  /a pointer of Git LFS.*git lfs pull/,
)
refused(
  'An HTML page as pytorch_model.bin',
  'the download failed',
  () => '<!DOCTYPE html><title>429</title>',
  /an HTML page/,
)
