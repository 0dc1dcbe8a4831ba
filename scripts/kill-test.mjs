// Kills a merge and an edit at random moments and starts them again with other numbers of threads, many times, and compares the
// SHA-256 of all weight files with those of an undisturbed run; and that of the weights with runs of other threads, memory bounds
// and shards of the inputs.
// The same with compress, lossless and with a codec with loss, and apply.
//   node scripts/kill-test.mjs [--kills 20] [--layers 16] [--only merge|edit|compress|apply] [--keep]
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

/** A base and two fine-tunes in bf16. */
async function writeModels() {
  await setBackend('wasm')
  const config = {
    model_type: 'llama',
    hidden_size: 1024,
    intermediate_size: 2816,
    num_hidden_layers: Number(given.layers ?? 16),
    num_attention_heads: 16,
    vocab_size: 32000,
    max_position_embeddings: 256,
    tie_word_embeddings: true,
  }
  const fresh = { config, dtype: 'BF16', amount: 0.02 }
  await writeRandom(at('base'), { ...fresh, seed: 0 })
  for (const seed of [1, 2]) await writeRandom(at(`tuned-${seed}`), { ...fresh, seed, near: at('base') })
  // The same models in shards.
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
  return new Promise((done) => {
    const started = performance.now()
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
    const timer = moment === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), moment)
    let notes = ''
    child.stderr.on('data', (text) => (notes += text))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      // A run that was killed when all was written is found in its place.
      if (!signal && code !== 0 && !/in its place now|exists and is not empty/.test(notes)) throw new Error(notes)
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

/** Kills `compress` or `apply`; a name is there with the whole output or not at all. @returns how many outputs differ */
async function testDelta(name, words) {
  const out = at('out')
  const { milliseconds } = await run([...words, '--out', out])
  const wanted = await hashOutput(out)
  console.log(`${name}, undisturbed, ${(milliseconds / 1e3).toFixed(2)} s: ${wanted}`)
  let different = 0
  for (let done = 0; done < kills; ) {
    rmSync(out, { recursive: true })
    const moment = Math.random() * milliseconds
    const { killed } = await run([...words, '--out', out], moment)
    if (killed && existsSync(out) && (await hashOutput(out)) !== wanted) different++
    const there = existsSync(out)
    const { notes } =
      killed && !there ? await run([...words, '--out', out, '--jobs', String(1 + (done % 2))]) : { notes: '' }
    if (killed) done++
    if ((await hashOutput(out)) !== wanted) different++
    if (killed)
      console.log(
        `${name}, kill ${done} after ${(moment / 1e3).toFixed(2)} s: ${there ? 'was whole' : notes.includes('goes on') ? 'goes on' : 'made again'}`,
      )
  }
  const left = readdirSync(root).filter((file) => /^out.*(part|partial|lock)/.test(file))
  if (left.length) console.log(`left: ${left.join(', ')}`)
  rmSync(out, { recursive: true })
  return different + left.length
}

try {
  await writeModels()
  const edit = ['--editor', 'magnitude', '--drop', '0.5', '--out']
  const pair = [at('base'), at('tuned-1')]
  const tests = {
    merge: () => test('merge', (place) => ['merge', at(`${place}merge.yml`)]),
    edit: () => test('edit', (place) => ['edit', at(`${place}base`), at(`${place}tuned-1`), ...edit]),
    async compress() {
      const lossless = await testDelta('compress', ['compress', ...pair, '--lossless'])
      return lossless + (await testDelta('compress with loss', ['compress', ...pair, '--codec', 'bits']))
    },
    async apply() {
      await run(['compress', ...pair, '--lossless', '--out', at('delta')])
      return testDelta('apply', ['apply', at('base'), at('delta')])
    },
  }
  let different = 0
  const names = given.only ?? Object.keys(tests)
  for (const name of names) different += await tests[name]()
  console.log(`${names.length * kills} kills, ${different} outputs that differ`)
  if (different) process.exitCode = 1
} finally {
  if (!given.keep) rmSync(root, { recursive: true })
}
