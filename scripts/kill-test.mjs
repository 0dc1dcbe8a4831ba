// Kills a merge and an edit at random moments and starts them again, many times, and compares the SHA-256 of all weights with
// those of an undisturbed run.
//   node scripts/kill-test.mjs [--kills 20] [--layers 16] [--keep]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setBackend } from '../dist/src/tensor/index.js'
import { writeRandom } from '../dist/src/train/random.js'

const { values: given } = parseArgs({
  options: { kills: { type: 'string' }, layers: { type: 'string' }, keep: { type: 'boolean' } },
})
const kills = Number(given.kills ?? 20)
const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'src', 'cli', 'main.js')
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
  writeFileSync(
    at('merge.yml'),
    JSON.stringify({
      merge_method: 'ties',
      base_model: at('base'),
      models: ['tuned-1', 'tuned-2'].map((name) => ({ model: at(name) })),
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

/** SHA-256 over the weight files of a folder. */
async function hashWeights(folder) {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).sort())
    if (name.endsWith('.safetensors')) for await (const part of createReadStream(join(folder, name))) hash.update(part)
  return hash.digest('hex')
}

async function test(name, words) {
  const out = at('out')
  const { milliseconds } = await run([...words, out])
  const wanted = await hashWeights(out)
  console.log(`${name}, undisturbed, ${(milliseconds / 1e3).toFixed(2)} s: ${wanted}`)
  let different = 0
  for (let done = 0; done < kills; ) {
    rmSync(out, { recursive: true })
    const moment = Math.random() * milliseconds
    const { killed } = await run([...words, out], moment)
    const { notes } = killed ? await run([...words, out]) : { notes: '' }
    if (killed) done++
    const found = await hashWeights(out)
    if (found !== wanted) different++
    const gone = /goes on: .*/.exec(notes)?.[0] ?? 'starts from the beginning'
    if (killed) console.log(`${name}, kill ${done} after ${(moment / 1e3).toFixed(2)} s, ${gone}: ${found}`)
  }
  rmSync(out, { recursive: true })
  return different
}

try {
  await writeModels()
  let different = await test('merge', ['merge', at('merge.yml')])
  different += await test('edit', [
    'edit',
    at('base'),
    at('tuned-1'),
    '--editor',
    'magnitude',
    '--drop',
    '0.5',
    '--out',
  ])
  console.log(`${2 * kills} kills, ${different} outputs that differ`)
  if (different) process.exitCode = 1
} finally {
  if (!given.keep) rmSync(root, { recursive: true })
}
