// Delta files: folders come back to the byte, from any layout and with any number of threads; another base and damage are refused.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { applyDelta, compressModel, openBase, openDelta, planDelta, reportDelta } from '../../src/delta/index.js'
import { temporary } from '../checkpoint/files.js'
import { type Raw, random, rawFile, writePair } from './pairs.js'
import '../backend.js'

const root = temporary()
const { base, post } = writePair(root)
const at = (name: string): string => join(root, name)

async function compress(
  from: string,
  model: string,
  out: string,
  { isFast, madeOf, ...options }: { isFast?: boolean; madeOf?: string[]; [option: string]: unknown } = {},
) {
  const opened = await openBase(from)
  try {
    const plan = await planDelta(opened, model, { isFast })
    return await compressModel({ plan, base: opened, post: model, madeOf }, out, { name: 'base', ...options })
  } finally {
    await opened.close()
  }
}

async function apply(from: string, file: string, out: string, options: object = {}): Promise<void> {
  const opened = await openBase(from)
  try {
    await applyDelta(await openDelta(file), opened, out, options)
  } finally {
    await opened.close()
  }
}

/** SHA-256 of all files that are not hidden. */
function contents(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    paths
      .sort()
      .map((path) => [path.slice(folder.length), createHash('sha256').update(readFileSync(path)).digest('hex')]),
  )
}

async function checkRound(from: string, model: string, name: string) {
  const delta = await compress(from, model, at(`${name}.delta`))
  await apply(from, at(`${name}.delta`), at(`${name}-again`))
  assert.deepEqual(contents(at(`${name}-again`)), contents(model), name)
  return reportDelta(delta)
}

test('a folder of all formats, in shards, comes back to the byte; what each tensor is stored as', async () => {
  const { tensors, files, rest } = await checkRound(base, post, 'all')
  const byName = new Map(tensors.map((row) => [row.name, row]))
  assert.equal(byName.get('norm.weight')!.codec, 'unchanged')
  assert.equal(byName.get('norm.weight')!.stored, 0)
  assert.equal(byName.get('score.weight')!.base, null)
  assert.equal(byName.get('embed.weight')!.base, 'embed.weight')
  assert.equal(byName.has('lm_head.weight'), false, 'stored once with embed.weight')
  assert.equal(byName.has('empty'), false)
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    Object.keys(contents(post))
      .map((path) => path.slice(1))
      .sort(),
  )
  assert.ok(rest.stored < rest.bytes)
})

test('any number of threads and any bound of memory write the same file; the base may lie in other files', async () => {
  const [few, many] = [readFileSync(at('all.delta')), at('threads.delta')]
  await compress(base, post, many, { jobs: 2, memory: 250e6 })
  assert.deepEqual(readFileSync(many), few)
  await assert.rejects(compress(base, post, at('no.delta'), { memory: 1e8 }), /--memory 100MB is too small/)
  mkdirSync(at('moved'))
  cpSync(base, at('moved'), { recursive: true })
  renameSync(at('moved/model.safetensors'), at('moved/x.safetensors'))
  const names = [...(await openBase(base)).tensors.keys()]
  const map = Object.fromEntries(names.map((name) => [name, 'x.safetensors']))
  writeFileSync(at('moved/model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
  await apply(at('moved'), at('all.delta'), at('from-moved'), { jobs: 2 })
  assert.deepEqual(contents(at('from-moved')), contents(post))
})

test('shipped pairs and files of torch.save come back to the byte, views and transposed ones included', async () => {
  for (const name of ['encoder', 'vision']) {
    const report = await checkRound(
      `checkpoints/${name}/base`,
      `checkpoints/${name}/${name === 'encoder' ? 'sentiment' : 'colour'}`,
      name,
    )
    assert.ok(report.stored < 0.9 * report.bytes)
  }
  const fixtures = [
    'zip',
    'legacy',
    'views',
    'views-legacy',
    'shared-views',
    'types',
    'trainer',
    'shards',
    'protocol-4',
  ]
  for (const one of fixtures)
    await checkRound(`test/fixtures/torch/${one}`, `test/fixtures/torch/${one}`, `torch-${one}`)
  await checkRound('test/fixtures/torch/views', 'test/fixtures/torch/zip', 'views-zip')
  await checkRound('test/fixtures/torch/zip', 'test/fixtures/formats/gptq-4bit', 'gptq')
})

test('fast: what has a base is packed, all else as ever, and every file comes back to the byte', async () => {
  const delta = await compress(base, post, at('fast.delta'), { isFast: true })
  await apply(base, at('fast.delta'), at('fast'))
  assert.deepEqual(contents(at('fast')), contents(post))
  const { tensors, files } = reportDelta(delta)
  for (const { codec, base: partner } of tensors)
    assert.ok(codec === 'unchanged' || (codec === 'packed') === (partner !== null), codec)
  for (const { isExact, sha256, path } of files) {
    assert.ok(isExact)
    assert.equal(sha256 === null, /safetensors$/.test(path), path)
  }
  assert.match(readFileSync(at('fast.delta'), 'latin1'), /"deltalab_delta":"4"/)
})

test('a delta file of an earlier program is read as ever', async () => {
  const file = 'test/fixtures/delta/all.delta'
  await apply('test/fixtures/delta/base', file, at('golden'))
  const { files } = await openDelta(file)
  assert.deepEqual(contents(at('golden')), Object.fromEntries(files.map(({ path, sha256 }) => [`/${path}`, sha256])))
  assert.equal(files.length, 8)
})

test('what trainers leave in names does not keep a tensor from its base', async () => {
  const names = ['lm_head.weight', 'model.layers.0.mlp.up_proj.weight', 'model.norm.weight']
  const values = names.map(() => Float32Array.from({ length: 1 << 10 }, () => random(1 << 20) / 7))
  const plain = (name: string) => name.replace('base_model.model.', '')
  const write = (folder: string, prefix: string, moved: number): string => {
    const tensors: Raw = {}
    for (const [i, name] of names.entries())
      tensors[prefix + name] = ['F32', [32, 32], new Uint8Array(values[i]!.map((x) => x + moved).buffer)]
    mkdirSync(at(folder))
    writeFileSync(at(`${folder}/config.json`), '{"model_type":"llama"}')
    writeFileSync(at(`${folder}/model.safetensors`), rawFile(tensors))
    return at(folder)
  }
  const [bare, wrapped] = [write('bare', '', 0), write('wrapped', 'base_model.model.', 1)]
  for (const [from, to] of [
    [bare, wrapped],
    [wrapped, bare],
  ] as const) {
    const opened = await openBase(from)
    const { units } = await planDelta(opened, to)
    const found = units.flatMap(({ name, base: its }) => (name ? [[plain(name), plain(its?.name ?? '')]] : []))
    assert.deepEqual(
      found,
      names.map((name) => [name, name]),
    )
    await opened.close()
    await checkRound(from, to, `of-${from.length}`)
    // The base as it is saved by other trainers.
    for (const prefix of ['', 'module.', '_orig_mod.', 'base_model.model.']) {
      const other = write(`${from.length} ${prefix}`, prefix, from === bare ? 0 : 1)
      await apply(other, at(`of-${from.length}.delta`), at(`of ${from.length} ${prefix}`))
      assert.deepEqual(contents(at(`of ${from.length} ${prefix}`)), contents(to), prefix)
    }
  }
  // Two tensors that may both be meant: neither is taken.
  const both = at('both')
  cpSync(write('compiled', '_orig_mod.', 0), both, { recursive: true })
  const norm: Raw[string] = ['F32', [32, 32], new Uint8Array(values[2]!.buffer)]
  const twins = ['model._orig_mod.norm.weight', 'model._fsdp_wrapped_module.norm.weight']
  writeFileSync(join(both, 'model.safetensors'), rawFile(Object.fromEntries(twins.map((name) => [name, norm]))))
  await assert.rejects(apply(both, at(`of-${bare.length}.delta`), at('refused')), {
    message: `${both}: is not the base of ${at(`of-${bare.length}.delta`)}: its tensors "${twins[0]}" and "${twins[1]}" may both be the base's "model.norm.weight"`,
  })
})

test('from code: a file, what it holds, and the folder again', async () => {
  const door = await import('../../src/api/index.js')
  const report = await door.compress(base, post, { out: at('code.delta') })
  assert.equal(report.base, 'base')
  assert.deepEqual(readFileSync(at('code.delta')), readFileSync(at('all.delta')))
  await door.apply(base, at('code.delta'), { out: at('code') })
  assert.deepEqual(contents(at('code')), contents(post))
  await assert.rejects(door.apply(base, at('code.delta'), { out: at('code') }), /exists and is not empty/)
  await assert.rejects(door.apply(base, at('code.delta'), { out: base, overwrite: true }), /is an input/)
})

test('a large tensor is cut into pieces, and one that moved in one place is stored by that place', async () => {
  const values = new Uint8Array(5_000_000).map((_, i) => (i * 7) >> 3)
  const moved = values.slice()
  moved[3_000_001]! ^= 1
  for (const [name, bytes] of [
    ['large-base', values],
    ['large-post', moved],
  ] as const) {
    mkdirSync(at(name))
    writeFileSync(
      at(`${name}/model.safetensors`),
      rawFile({ 'w.weight': ['BF16', [500, 5000], bytes], 'v.weight': ['BF16', [500, 5000], values] }),
    )
  }
  const { tensors } = await checkRound(at('large-base'), at('large-post'), 'large')
  assert.deepEqual(
    tensors.map(({ codec }) => codec),
    ['lossless', 'unchanged'],
  )
  assert.ok(tensors[0]!.stored < 200)
})

test('another base is told by what differs, before anything has a name', async () => {
  const refuse = async (change: (folder: string) => void, why: RegExp) => {
    const folder = at(`other-${random(1e9)}`)
    cpSync(base, folder, { recursive: true })
    change(folder)
    await assert.rejects(apply(folder, at('all.delta'), at('refused')), why)
    assert.equal(existsSync(at('refused')), false)
  }
  const weights = (folder: string) => join(folder, 'model.safetensors')
  await refuse((folder) => {
    const bytes = readFileSync(weights(folder))
    bytes[bytes.length - 234]! ^= 1 // The tensors behind it: 200 bytes, 4, and none.
    writeFileSync(weights(folder), bytes)
  }, /other-\d+: is not the base of .*all\.delta: its bytes differ in tensor "norm\.weight"$/)
  await refuse((folder) => writeFileSync(weights(folder), rawFile({})), /it has no tensor "layer\.F64\.weight"/)
  await refuse((folder) => writeFileSync(join(folder, 'tokenizer.json'), '{}'), /its tokenizer\.json has 2 bytes/)
  await refuse((folder) => {
    const text = readFileSync(join(folder, 'tokenizer.json'), 'utf8')
    writeFileSync(join(folder, 'tokenizer.json'), text.replace('token 7', 'token 8'))
  }, /its bytes differ in the bytes of tokenizer\.json/)
  await refuse((folder) => {
    const text = readFileSync(weights(folder), 'latin1')
    writeFileSync(weights(folder), Buffer.from(text.replace('"shape":[8]', '"shape":[1,8]'), 'latin1'))
  }, /header|its tensor "norm\.weight" is F32 \[1, 8\], and the base's was F32 \[8\]/)
})

/** The file with another description, and the checksums that belong to it. */
function described(
  change: (description: { units: Record<string, unknown>[]; files: Record<string, unknown>[] }) => unknown,
  text: string,
  version = '4',
) {
  const bytes = readFileSync(at('all.delta'))
  const size = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + size).toString())
  const description = JSON.parse(text)
  const made = change(description) ?? description
  const deflated = deflateSync(JSON.stringify(made))
  const part = ([begin, end]: [number, number]) => bytes.subarray(8 + size + begin, 8 + size + end)
  const index = part(header.pieces.data_offsets)
  const [begin] = header.description.data_offsets
  header.description = { dtype: 'U8', shape: [deflated.length], data_offsets: [begin, begin + deflated.length] }
  header.__metadata__ = {
    deltalab_delta: version,
    sha256: createHash('sha256').update(deflated).update(index).digest('hex'),
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  writeFileSync(
    at('changed.delta'),
    Buffer.concat([length, json, bytes.subarray(8 + size, 8 + size + begin), deflated]),
  )
}

test('a newer version, an unknown codec and paths that leave the folder are refused by name', async () => {
  const { base: name, units, files } = await openDelta(at('all.delta'))
  const text = JSON.stringify({ base: name, units, files })
  const refuse = async (change: Parameters<typeof described>[0], why: RegExp, version?: string) => {
    described(change, text, version)
    await assert.rejects(apply(base, at('changed.delta'), at('refused')), why)
    assert.equal(existsSync(at('refused')), false)
  }
  described(() => undefined, text)
  await apply(base, at('changed.delta'), at('same'))
  await refuse(
    () => undefined,
    /is a delta file of version 5; this program reads version 4: a newer one is needed$/,
    '5',
  )
  await refuse(
    () => undefined,
    /is a delta file of version 3; this program reads version 4: compress the model again$/,
    '3',
  )
  await refuse(
    ({ units }) => ((units[1]!.codec = 'wavelet'), undefined),
    /stored by the codec "wavelet", which this version does not know/,
  )
  for (const path of ['../x', '/x', 'a/../../x', '.deltalab.json', 'a\\b', 'C:x', '', 'a//b', 'config.json/x'])
    await refuse(({ files }) => ((files.at(-1)!.path = path), undefined), /which may not be written/)
  await refuse(({ units }) => {
    const file = units.find(({ name, base }) => name === undefined && base)!
    file.base = { ...(file.base as object), name: '../base/tokenizer.json' }
  }, /its description contradicts itself/)
  await refuse(
    ({ units }) => ((units.find(({ dtype }) => dtype)!.shape = [2 ** 50, 2 ** 50]), undefined),
    /its description gives it \d+ bytes, which are not those of \w+ \[1125899906842624, 1125899906842624\]/,
  )
  await refuse(({ files }) => ((files[0]!.bytes = 2 ** 52), undefined), /and other units/)
  await refuse(
    ({ units }) => ((units[1]!.bytes = 2 ** 52), undefined),
    /damaged|contradicts|and other units|not those of/,
  )
  await refuse(
    ({ files }) => ((files[0]!.sha256 = '0'.repeat(64)), undefined),
    /a\.safetensors|does not come out as it was stored/,
  )
  await refuse(() => [], /its description: must be a mapping of keys to values; got \[\]$/)
  await assert.rejects(openDelta(join(base, 'model.safetensors')), /is no delta file/)
})

test('a description that is far too long, or has more units than pieces, is refused before it is looked at', async () => {
  const text = JSON.stringify({ base: '', units: [], files: [] })
  described(() => ({ base: 'x'.repeat(5e6), units: [], files: [] }), text)
  await assert.rejects(openDelta(at('changed.delta')), /its description has more than \d+ bytes$/)
  described(() => ({ base: '', units: Array(1000).fill([]), files: [] }), text)
  await assert.rejects(openDelta(at('changed.delta')), /its index has \d+ pieces, and its description more units$/)
})

test('files that a download of the base would lack are stored; names that no reader takes are refused first', async () => {
  const [own, from] = [at('own'), at('with-card')]
  for (const folder of [own, from]) {
    cpSync(base, folder, { recursive: true })
    for (const name of ['README.md', 'loss.csv', 'LICENSE']) writeFileSync(join(folder, name), 'the same')
  }
  const { units } = await compress(from, own, at('card.delta'))
  const files = units.flatMap(({ name, base }) => (name === undefined && base ? [base.name] : []))
  assert.deepEqual(files.sort(), ['LICENSE', 'config.json', 'tokenizer.json'])
  writeFileSync(join(own, 'at 12:00.log'), '')
  await assert.rejects(compress(from, own, at('odd.delta')), /own.at 12:00\.log: a name with a colon/)
  await assert.rejects(compress(from, base, `${at('card.delta')}/`), /is a folder; give the name of a file/)
  await assert.rejects(compress(from, base, own, { overwrite: true }), /is a folder; give the name of a file/)
  assert.equal(existsSync(at('odd.delta')), false)
})

test('changed and cut files are refused in one line, and nothing is written', async () => {
  const original = readFileSync(at('all.delta'))
  const opened = await openBase(base)
  let passed = 0
  for (let i = 0; i < 150; i++) {
    const bytes = Buffer.from(original)
    if (i % 5 === 0) writeFileSync(at('bad.delta'), bytes.subarray(0, random(bytes.length)))
    else {
      for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)]! ^= 1 << random(8)
      writeFileSync(at('bad.delta'), bytes)
    }
    const result = await openDelta(at('bad.delta'))
      .then((delta) => applyDelta(delta, opened, at(`bad-${i}`)))
      .catch((error: Error) => error)
    if (result instanceof Error) {
      assert.equal(result.name, 'UserError', result.stack)
      assert.ok(!result.message.includes('\n') && !existsSync(at(`bad-${i}`)), result.message)
    } else {
      // A blank of the header that became a tab.
      assert.deepEqual(contents(at(`bad-${i}`)), contents(post))
      passed++
    }
  }
  assert.ok(passed < 5)
  await opened.close()
})

test('a model that each run makes anew is known by what it is made of', async () => {
  const [out, left, source] = [at('made.delta'), at('made-left'), at('made-of')]
  writeFileSync(source, 'scalars')
  const partial = () => readdirSync(root).find((name) => name.startsWith('made.delta.partial-'))!
  const keep = () => {
    if (!existsSync(left)) cpSync(at(partial()), left, { recursive: true })
  }
  cpSync(post, at('made-1'), { recursive: true })
  await compress(base, at('made-1'), out, { madeOf: [source], onBytes: keep })
  const wanted = readFileSync(out)
  cpSync(post, at('made-2'), { recursive: true })
  for (const [text, note] of [
    ['scalars', /goes on: .* are done/],
    ['others', /starts anew/],
  ] as const) {
    if (text === 'others') writeFileSync(source, text)
    cpSync(left, at('made.delta.partial-abc123'), { recursive: true })
    const notes: string[] = []
    await compress(base, at('made-2'), out, {
      madeOf: [source],
      overwrite: true,
      note: (each: string) => notes.push(each),
    })
    assert.match(notes.join('; '), note)
    assert.ok(readFileSync(out).equals(wanted))
  }
})

test('compress goes on with the pieces that a killed run finished', async () => {
  const out = at('killed.delta')
  const wanted = readFileSync(at('all.delta'))
  const partials = () => readdirSync(root).filter((name) => name.startsWith('killed.delta.partial-'))
  const left = at('left')
  const file = join(base, 'model.safetensors')
  utimesSync(file, 1e9, 1e9)
  let pieces = 0
  await compress(base, post, out, {
    onBytes: () => {
      // What a kill at this moment leaves.
      if (++pieces === 5) cpSync(at(partials()[0]!), left, { recursive: true, preserveTimestamps: true })
    },
  })
  assert.ok(readFileSync(out).equals(wanted))
  const again = async (options: object = {}) => {
    cpSync(left, at('killed.delta.partial-abc123'), { recursive: true })
    const notes: string[] = []
    let earlier = 0
    const onBytes = (_: number, __: unknown, isEarlier: boolean) => void (earlier += Number(isEarlier))
    const note = (text: string) => void notes.push(text)
    await compress(base, post, out, { overwrite: true, note, onBytes, ...options })
    assert.deepEqual(partials(), [])
    return { notes: notes.join('; '), earlier, same: readFileSync(out).equals(wanted) }
  }
  const whole = await again()
  assert.match(whole.notes, /goes on: .* are done/)
  assert.ok(whole.same)
  assert.equal(whole.earlier, 5)
  assert.deepEqual(await again({ discard: true }), { notes: '', earlier: 0, same: true })
  const other = await again({ name: 'other' })
  assert.match(other.notes, /was begun before and starts anew: the options are others/)
  // A record that never reached the disk is made again; other bytes behind the same size and time of an input count as another input.
  truncateSync(join(left, 'draft'), readFileSync(join(left, 'draft')).length - 3)
  const cut = await again()
  assert.ok(cut.same && cut.earlier < whole.earlier)
  const bytes = readFileSync(file)
  const changed = Buffer.from(bytes)
  for (let i = 8 + Number(bytes.readBigUInt64LE()); i < bytes.length; i++) changed[i]! ^= 1
  writeFileSync(file, changed)
  utimesSync(file, 1e9, 1e9)
  const anew = await again()
  writeFileSync(file, bytes)
  utimesSync(file, 1e9, 1e9)
  assert.match(anew.notes, /starts anew: .*model\.safetensors has other bytes/)
  assert.ok(!anew.same)
})

test('an output that is there, models without weights and a cut model are refused', async () => {
  await assert.rejects(compress(base, post, at('all.delta')), /all\.delta: exists/)
  await assert.rejects(compress(base, post, join(post, 'x.delta')), /x\.delta lies in .*post, the folder of an input/)
  writeFileSync(at('mine.delta'), 'mine')
  await assert.rejects(compress(base, post, at('mine.delta'), { overwrite: true }), /is no delta file of this program/)
  assert.equal(readFileSync(at('mine.delta'), 'utf8'), 'mine')
  await compress(base, post, at('all.delta'), { overwrite: true })
  await assert.rejects(compress(at('nowhere'), post, at('x.delta')), /no such folder/)
  await assert.rejects(compress(base, at('below'), at('x.delta')), /no such folder/)
  cpSync(post, at('cut'), { recursive: true })
  truncateSync(at('cut/a.safetensors'), 3000)
  await assert.rejects(compress(base, at('cut'), at('x.delta')), /a\.safetensors.*truncated/)
  appendFileSync(at('all.delta'), 'x')
  await assert.rejects(openDelta(at('all.delta')), /1 bytes after .* belong to no tensor/)
  assert.deepEqual(
    readdirSync(root).filter((name) => /part|lock|x\.delta/.test(name)),
    [],
  )
})
