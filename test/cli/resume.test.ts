// `deltalab merge` and `edit` that are stopped: killed at any moment, by Ctrl-C, by a full disk or an input that is gone, and what the
// same command does then: it goes on and ends with the same bytes, or starts anew and says why.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stored, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const root = temporary()
const at = (...names: string[]) => join(root, ...names)

/** Weights in bf16 between 2⁻⁷ and 2 in magnitude; the last tensor is more than one block. */
const SHAPES: Record<string, [number, number]> = {
  ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`model.layers.${i}.mlp.up_proj.weight`, [1024, 1024]])),
  'model.layers.10.mlp.up_proj.weight': [3000, 2048],
}
function writeModel(name: string, seed: number): string {
  const folder = stored(
    at(name),
    Object.fromEntries(Object.entries(SHAPES).map(([tensor, shape]) => [tensor, ['BF16', shape]])),
    { model_type: 'test', hidden_size: 1024 },
  )
  const path = join(folder, 'model.safetensors')
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE())
  for (let i = start, state = seed; i < bytes.length; i += 2) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes.writeUInt16LE(((state >>> 16) & 0x83ff) | 0x3c00, i)
  }
  writeFileSync(path, bytes)
  return folder
}
const [base, one, two] = ['base', 'one', 'two'].map((name, i) => writeModel(name, 7 * i + 1)) as [
  string,
  string,
  string,
]
writeFileSync(
  at('ties.yml'),
  JSON.stringify({
    merge_method: 'ties',
    base_model: base,
    models: [one, two].map((model) => ({ model, parameters: { weight: 0.5, density: 0.4 } })),
  }),
)
const COMMANDS = {
  merge: (out: string) => ['merge', at('ties.yml'), out],
}

const hashOf = (folder: string) =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'model.safetensors')))
    .digest('hex')
/** The folders that are not finished. */
const partials = (out: string) =>
  readdirSync(dirname(out)).filter((name) => name.startsWith(`${basename(out)}.partial-`))
/** Finished blocks of the folder that is being written. */
function blocksOf(out: string): number {
  const [partial] = partials(out)
  const journal = partial === undefined ? '' : join(dirname(out), partial, '.deltalab-journal')
  return existsSync(journal) ? (readFileSync(journal, 'utf8').match(/"block /g)?.length ?? 0) : 0
}

/** Starts a command and sends a signal once so many blocks are finished; what it said, and how it ended. */
async function stopAt(words: string[], out: string, blocks: number, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) =>
    child.on('close', (code, signal) => done({ code, signal })),
  )
  let open = true
  void ended.then(() => (open = false))
  while (open && blocksOf(out) < blocks) await setTimeout(1)
  child.kill(signal)
  return { ...(await ended), said }
}

async function ends(words: string[], said: RegExp): Promise<string> {
  const { status, stderr } = await call(words)
  assert.equal(status, 0, stderr)
  assert.match(stderr, said)
  return stderr
}

let count = 0
for (const [name, words] of Object.entries(COMMANDS)) {
  const whole = at(`${name}-whole`)
  test(`${name}: killed in the middle, over and over, the same command ends with the same bytes`, async () => {
    assert.equal((await call(words(whole))).status, 0)
    for (const blocks of [1, 6]) {
      const out = at(`out-${count++}`)
      for (const more of [0, 2]) {
        const { signal } = await stopAt(words(out), out, blocks + more, 'SIGKILL')
        assert.equal(signal, 'SIGKILL')
      }
      await ends(words(out), /^note: .*: goes on: \d+\.\d MB of 33\.3 MB are done$/m)
      assert.equal(hashOf(out), hashOf(whole))
      assert.deepEqual(partials(out), [])
    }
  })

  test(`${name}: Ctrl-C keeps what is finished and says how to go on; --discard drops it`, async () => {
    for (const discard of [false, true]) {
      const out = at(`out-${count++}`)
      const { code, said } = await stopAt(words(out), out, 2, 'SIGINT')
      assert.equal(code, 130)
      assert.match(said, /what is finished is kept; the same command goes on with it, --discard drops it\n$/)
      const again = discard ? [...words(out), '--discard'] : words(out)
      assert.equal((await ends(again, /(?:)/)).includes('goes on'), !discard)
      assert.equal(hashOf(out), hashOf(whole))
    }
  })

  test(`${name}: other options, a changed input and a damaged block are found`, async () => {
    const out = at(`out-${count++}`)
    const left = async () => {
      rmSync(out, { recursive: true, force: true })
      await stopAt(words(out), out, 3, 'SIGKILL')
    }
    await left()
    await ends([...words(out), '--shard-size', '0.02'], /was begun before and starts anew: the options are others$/m)
    await left()
    const input = join(one, 'model.safetensors')
    utimesSync(input, 1, count)
    await ends(words(out), /was begun before and starts anew: an input changed$/m)
    assert.equal(hashOf(out), hashOf(whole))

    await left()
    const [partial] = partials(out)
    const weights = join(dirname(out), partial!, 'model.safetensors')
    const bytes = readFileSync(weights)
    for (let i = 1 << 16; i < bytes.length; i += 1 << 20) bytes[i]! ^= 1
    writeFileSync(weights, bytes)
    await ends(words(out), /goes on: .* MB of 33.3 MB are done, \d damaged blocks are done again$/m)
    assert.equal(hashOf(out), hashOf(whole))
  })
}
