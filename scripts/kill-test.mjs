// Kills a merge and an edit at random moments and starts them again with other numbers of threads, many times, and compares the
// SHA-256 of all weight files with those of an undisturbed run; and that of the weights with runs of other threads, memory bounds
// and shards of the inputs.
// The same with compress, lossless, with a codec with loss and with a budget, and with apply: a name is there with all of the output or
// not at all, and nothing else stays.
//   TMPDIR=<folder> node scripts/kill-test.mjs [--kills 20] [--layers 16] [--only merge|edit|compress|apply] [--keep]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setBackend } from '../dist/src/tensor/index.js'
import { writeRandom } from '../dist/src/train/random.js'

const { values: given } = parseArgs({
  options: {
    kills: { type: 'string' },
    layers: { type: 'string' },
    only: { type: 'string', multiple: true },
    keep: { type: 'boolean' },
  },
})
const kills = Number(given.kills ?? 20)
const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'bundle', 'cli', 'main.js')
const root = mkdtempSync(join(tmpdir(), 'deltalab-kill-'))
const at = (name) => join(root, name)

/** A base and two fine-tunes in bf16: large ones, and some for choosing codecs, which takes far longer than writing. */
async function writeModels() {
  await setBackend('wasm')
  const large = {
    model_type: 'llama',
    hidden_size: 1024,
    intermediate_size: 2816,
    num_hidden_layers: Number(given.layers ?? 16),
    num_attention_heads: 16,
    vocab_size: 32000,
    max_position_embeddings: 256,
    tie_word_embeddings: true,
  }
  const small = { ...large, hidden_size: 128, intermediate_size: 352, num_attention_heads: 4, vocab_size: 4000 }
  for (const [prefix, config] of [
    ['', large],
    ['small-', small],
  ]) {
    const fresh = { config, dtype: 'BF16', amount: 0.02 }
    const base = at(`${prefix}base`)
    await writeRandom(base, { ...fresh, seed: 0 })
    for (const seed of [1, 2]) await writeRandom(at(`${prefix}tuned-${seed}`), { ...fresh, seed, near: base })
    console.log(`${base} and two fine-tunes written`)
  }
}

/** The large models in shards, and what merges them. */
async function writeMerges() {
  mkdirSync(at('shards'))
  for (const name of ['base', 'tuned-1', 'tuned-2']) {
    writeFileSync(at('copy.yml'), JSON.stringify({ merge_method: 'passthrough', models: [{ model: at(name) }] }))
    await run(['merge', at('copy.yml'), at(`shards/${name}`), '--shard-size', '0.03'])
  }
  for (const place of ['', 'shards/'])
    writeFileSync(
      at(`${place}merge.yml`),
      JSON.stringify({
        merge_method: 'ties',
        base_model: at(`${place}base`),
        models: ['tuned-1', 'tuned-2'].map((name) => ({ model: at(place + name) })),
        parameters: { weight: 0.5, density: 0.5 },
      }),
    )
}

/** @param moment milliseconds after which it is killed; it runs to its end unless given */
function run(words, moment) {
  return new Promise((done, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
    const timer = moment === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), moment)
    let notes = ''
    child.stderr.on('data', (text) => (notes += text))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      // A run that was killed when all was written is found in its place.
      if (!signal && code !== 0 && !/in its place now|exists and is not empty/.test(notes)) reject(new Error(notes))
      done({ notes, killed: signal === 'SIGKILL', milliseconds: performance.now() - started })
    })
  })
}

/** SHA-256 of the weight file of a folder, and of its weights alone: the header names the inputs and their hashes. */
async function hashWeights(folder) {
  const file = join(folder, 'model.safetensors')
  const prefix = Buffer.alloc(8)
  readSync(openSync(file), prefix)
  const hashOf = async (start) => {
    const hash = createHash('sha256')
    for await (const part of createReadStream(file, { start })) hash.update(part)
    return hash.digest('hex')
  }
  return { all: await hashOf(0), data: await hashOf(8 + Number(prefix.readBigUInt64LE())) }
}

/** @param words of the command, for the models of a folder @returns how many outputs differ */
async function test(name, words) {
  const out = at('out')
  const { milliseconds } = await run([...words(''), out])
  const wanted = await hashWeights(out)
  console.log(`${name}, undisturbed, ${(milliseconds / 1e3).toFixed(2)} s: ${wanted.all}, weights ${wanted.data}`)
  let different = 0
  for (let done = 0; done < kills; ) {
    rmSync(out, { recursive: true })
    const moment = Math.random() * milliseconds
    const jobs = [1, 2, 4][done % 3]
    const { killed } = await run([...words(''), out], moment)
    const { notes } = killed ? await run([...words(''), out, '--jobs', jobs]) : { notes: '' }
    if (killed) done++
    const found = await hashWeights(out)
    if (found.all !== wanted.all) different++
    const gone = /goes on: .*/.exec(notes)?.[0] ?? 'starts from the beginning'
    const how = `kill ${done} after ${(moment / 1e3).toFixed(2)} s, with --jobs ${jobs}, ${gone}`
    if (killed) console.log(`${name}, ${how}: ${found.all}`)
  }
  for (const [place, ...options] of [
    ['', '--jobs', '1'],
    ['', '--jobs', '4'],
    ['', '--jobs', '4', '--memory', '300MB'],
    ['shards/'],
  ]) {
    await run([...words(place), out, '--overwrite', ...options])
    const found = await hashWeights(out)
    if (found.data !== wanted.data) different++
    console.log(`${name}, ${place ? 'inputs in shards' : options.join(' ')}: weights ${found.data}`)
  }
  rmSync(out, { recursive: true })
  return different
}

/** SHA-256 of a file, or of the weights in a folder. */
async function hashOutput(out) {
  const hash = createHash('sha256')
  const file = statSync(out).isDirectory() ? join(out, 'model.safetensors') : out
  for await (const part of createReadStream(file)) hash.update(part)
  return hash.digest('hex')
}

/** Kills `compress` or `apply`. @returns how many outputs differ, and how many files stay besides them */
async function testDelta(name, words) {
  const out = at('out')
  const before = readdirSync(root)
  const { milliseconds } = await run([...words, '--out', out])
  const wanted = await hashOutput(out)
  console.log(`${name}, undisturbed, ${(milliseconds / 1e3).toFixed(2)} s: ${wanted}`)
  let wrong = 0
  for (let done = 0; done < kills; ) {
    rmSync(out, { recursive: true })
    const moment = Math.random() * milliseconds
    const { killed } = await run([...words, '--out', out], moment)
    const wasWhole = killed && existsSync(out)
    if (wasWhole && (await hashOutput(out)) !== wanted) wrong++
    const jobs = String(1 + (done % 2))
    const { notes } = killed && !wasWhole ? await run([...words, '--out', out, '--jobs', jobs]) : { notes: '' }
    if (killed) done++
    const found = await hashOutput(out)
    const left = wasWhole ? [] : readdirSync(root).filter((file) => file !== 'out' && !before.includes(file))
    if (found !== wanted) wrong++
    wrong += left.length
    const how = wasWhole ? 'was whole' : (/goes on: .*/.exec(notes)?.[0] ?? 'starts from the beginning')
    const stays = left.length ? `, left: ${left.join(', ')}` : ''
    if (killed)
      console.log(
        `${name}, kill ${done} after ${(moment / 1e3).toFixed(2)} s, --jobs ${jobs}, ${how}: ${found}${stays}`,
      )
  }
  rmSync(out, { recursive: true })
  return wrong
}

try {
  await writeModels()
  const names = given.only ?? ['merge', 'edit', 'compress', 'apply']
  if (names.some((name) => name === 'merge' || name === 'edit')) await writeMerges()
  const edit = ['--editor', 'magnitude', '--drop', '0.5', '--out']
  const pair = [at('base'), at('tuned-1')]
  const tests = {
    merge: () => test('merge', (place) => ['merge', at(`${place}merge.yml`)]),
    edit: () => test('edit', (place) => ['edit', at(`${place}base`), at(`${place}tuned-1`), ...edit]),
    async compress() {
      const small = [at('small-base'), at('small-tuned-1')]
      let wrong = 0
      for (const [name, ...words] of [
        ['lossless', ...pair, '--lossless'],
        ['bits', ...pair, '--codec', 'bits', '--bits', '4'],
        ['edited', ...pair, '--codec', 'bitmask', '--editor', 'dare', '--drop', '0.9'],
        ['budget', ...small, '--budget', '1bit'],
      ])
        wrong += await testDelta(`compress ${name}`, ['compress', ...words])
      return wrong
    },
    async apply() {
      let wrong = 0
      for (const [name, ...words] of [
        ['lossless', '--lossless'],
        ['bits', '--codec', 'bits', '--bits', '4'],
        ['edited', '--codec', 'bitmask', '--editor', 'dare', '--drop', '0.9'],
      ]) {
        await run(['compress', ...pair, ...words, '--out', at(name)])
        wrong += await testDelta(`apply ${name}`, ['apply', at('base'), at(name)])
      }
      return wrong
    },
  }
  let different = 0
  for (const name of names) different += await tests[name]()
  console.log(`${different} outputs that differ, or files that stay`)
  if (different) process.exitCode = 1
} finally {
  if (!given.keep) rmSync(root, { recursive: true })
}
