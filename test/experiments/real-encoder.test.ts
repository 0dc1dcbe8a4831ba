// What experiments/real-encoder makes of downloaded packages: files of a wheel and of a source archive, the tokenizer, and the reactions it takes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { loadTokenizer } from '../../src/tokenizer/index.js'

const script = (name: string) => import(resolve(`experiments/real-encoder/${name}.mjs`))

/** A zip of one file, deflated or not. */
function zipOf(path: string, content: Buffer, deflated: boolean): Buffer {
  const body = deflated ? deflateRawSync(content) : content
  const local = Buffer.alloc(30)
  local.writeUInt16LE(path.length, 26)
  const central = Buffer.alloc(46)
  central.writeUInt16LE(deflated ? 8 : 0, 10)
  central.writeUInt32LE(body.length, 20)
  central.writeUInt32LE(content.length, 24)
  central.writeUInt16LE(path.length, 28)
  const end = Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)])
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(30 + path.length + body.length, 16)
  return Buffer.concat([local, Buffer.from(path), body, central, Buffer.from(path), end])
}

function tarOf(files: Record<string, Buffer>): Buffer {
  return Buffer.concat(
    Object.entries(files).flatMap(([path, content]) => {
      const head = Buffer.alloc(512)
      head.write(path, 0)
      head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
      return [head, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
    }),
  )
}

test('files of a wheel, and a file of a source archive, whatever the parts they come in', async () => {
  const { filesOfZip, fileOfTar } = await script('archives')
  const content = Buffer.from('CCO>>CC=O\n'.repeat(300))
  for (const deflated of [true, false])
    assert.deepEqual(filesOfZip(zipOf('a/b', content, deflated)).get('a/b')(), content)
  const before = Buffer.alloc(1500, 'x')
  const bytes = gzipSync(
    tarOf({ 'p/before': before, 'p/empty': Buffer.alloc(0), 'p/wanted': content, 'p/after': before }),
  )
  const parts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(7 * i, 7 * i + 7))
  assert.deepEqual(await fileOfTar(parts, 'p/wanted'), content)
  await assert.rejects(fileOfTar(parts, 'p/other'), /p\/other is not in the archive/)
})

test('the tokenizer splits a reaction as the package does, and leaves out what its expression does not match', async (context) => {
  const { tokenizerFiles, tokensOf } = await script('tokenizer')
  const tokens = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    'C',
    'Cl',
    'c',
    '1',
    'O',
    '>>',
    '[nH]',
    '%12',
    '(',
    ')',
    '=',
  ]
  const folder = mkdtempSync(join(tmpdir(), 'tokens-'))
  context.after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(tokenizerFiles(`${tokens.join('\n')}\n`)))
    writeFileSync(join(folder, name), JSON.stringify(content))
  const tokenizer = await loadTokenizer(folder)
  const texts = ['ClCc1[nH]c1>>C(=O)C%12', 'C xC\nBr', '']
  const expected = [
    [2, 6, 5, 7, 8, 11, 7, 8, 10, 5, 13, 15, 9, 14, 5, 12, 3],
    [2, 5, 5, 1, 3],
    [2, 3],
  ]
  const ids = await tokenizer.encode(texts, { special: true })
  assert.deepEqual(
    ids.map((each) => Array.from(each)),
    expected,
  )
  assert.deepEqual(tokensOf(texts[1]!), ['C', 'C', 'Br'])
})

test('reactions by turns of their classes, short ones alone, and none that the training split has', async () => {
  const { chooseReactions } = await script('reactions')
  const row = (rxn: string, kind: string, split: string) => `0\t${rxn}\t${kind}\tUS1\t${rxn}\t${split}`
  const table = [
    '\toriginal_rxn\trxn_class\tsource\trxn\tsplit',
    row('C>>O', '10.1', 'train'),
    row('C>>O', '2.1', 'test'),
    row('C'.repeat(99), '2.1', 'test'),
    ...['N', 'NN', 'NNN', 'NNNN', 'NNNNN'].map((rxn) => row(rxn, '2.1', 'test')),
    ...['O', 'O', 'OO', 'OOO', 'OOOO'].map((rxn) => row(rxn, '10.1', 'test')),
  ].join('\n')
  const { classes, rows } = chooseReactions(`${table}\n`)
  assert.deepEqual(classes, ['10.1', '2.1'], 'in the order of texts, which is that of the head')
  assert.deepEqual(
    rows.map(({ reaction, label }: { reaction: string; label: number }) => [reaction, label]),
    [
      ['O', 0],
      ['N', 1],
      ['OO', 0],
      ['NN', 1],
      ['OOO', 0],
      ['NNN', 1],
      ['OOOO', 0],
      ['NNNN', 1],
    ],
  )
})
