// Files of torch.save: what is read, with the numbers that torch.load gives, and what is refused by name.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAdapter, openCheckpoint } from '../../src/checkpoint/index.js'
import { pickle } from '../torch/pickle.js'
import { equalsExpected } from './expected.js'
import { compatible } from './row.js'

/** Buffers of the fixture `types`. */
const BUFFERS = ['u16', 'position_ids', 'mask']

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

const legacy = (...body: Parameters<typeof pickle>) => pickle.legacy(...body)

refused(
  'A pickle that names anything but tensors',
  'names what it asks for; nothing of it is run',
  () => legacy(pickle.global('os', 'getcwd'), ')R'),
  /names os\.getcwd, which no weights need/,
)
for (const [name, words] of [
  ['_rebuild_qtensor', 'a quantised torch tensor'],
  ['_rebuild_sparse_tensor', 'a sparse tensor'],
  ['_rebuild_meta_tensor_no_storage', 'a tensor without data'],
] as const)
  refused(
    `A file of torch.save with ${words}`,
    'the same words',
    () => legacy(pickle.global('torch._utils', name)),
    RegExp(words),
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
