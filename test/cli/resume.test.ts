// `deltalab merge` and `edit` that are stopped: killed at any moment, by Ctrl-C, by a full disk or an input that is gone, and what the
// same command does then: it goes on and ends with the same bytes, or starts anew and says why.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stored, temporary } from '../checkpoint/files.js'
import { call } from './call.js'

const main = fileURLToPath(new URL('../../bundle/cli/main.js', import.meta.url))
const root = temporary()
const at = (...names: string[]) => join(root, ...names)

/** Weights in bf16 between 2⁻⁷ and 2 in magnitude; the last tensor is more than one block. */
const SHAPES: Record<string, [number, number]> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`model.layers.${i}.mlp.up_proj.weight`, [512, 1024]])),
  'model.layers.8.mlp.up_proj.weight': [2100, 2048],
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
  edit: (out: string) => ['edit', base, one, '--editor', 'magnitude', '--drop', '0.6', '--out', out],
}

const hashOf = (folder: string) =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'model.safetensors')))
    .digest('hex')
/** The folders that are not finished. */
const partials = (out: string) =>
  readdirSync(dirname(out)).filter((name) => name.startsWith(`${basename(out)}.partial-`))
/** The journal of the folder that is being written. */
function journalOf(out: string): string {
  const [partial] = partials(out)
  const journal = partial === undefined ? '' : join(dirname(out), partial, '.deltalab-journal')
  return existsSync(journal) ? readFileSync(journal, 'utf8') : ''
}
const blocksOf = (out: string): number => journalOf(out).match(/"block /g)?.length ?? 0

interface Stop {
  /** Is called before the command starts. */
  prepare?: () => void
  /** Number of blocks that it finishes, and a line of the journal, to wait for. */
  blocks: number
  line?: RegExp
  /** Largest number of blocks that may be finished. */
  most?: number
  stop: NodeJS.Signals | (() => void)
}

/**
 * Starts a command, and sends a signal or does something else when it is so far; again where it ended before, or went too far.
 * @returns what it said, and how it ended
 */
async function stopAt(words: (out: string) => string[], out: string, how: Stop) {
  const { prepare, blocks, line = /^/, most = Infinity, stop } = how
  for (let tries = 0; tries < 20; tries++) {
    rmSync(out, { recursive: true, force: true })
    prepare?.()
    const before = blocksOf(out)
    const child = spawn(process.execPath, [main, ...words(out)], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (text) => (said += text))
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) =>
      child.on('close', (code, signal) => done({ code, signal })),
    )
    let open = true
    void ended.then(() => (open = false))
    while (open && !(blocksOf(out) >= before + blocks && line.test(journalOf(out)))) await setTimeout(1)
    if (typeof stop === 'function') stop()
    else child.kill(stop)
    const { code, signal } = await ended
    if (code !== 0 && blocksOf(out) <= most) return { said, code, signal }
  }
  return assert.fail(`${out}: always ended before ${blocks} blocks were seen`)
}

/** Runs the command to its end here; what it says on stderr matches. */
async function ends(words: string[], said: RegExp): Promise<string> {
  const { status, stderr } = await call(words)
  assert.equal(status, 0, stderr)
  assert.match(stderr, said)
  return stderr
}

/** Runs it with files of at most so many half-kilobytes. */
const limited = (blocks: number, words: string[]) =>
  spawnSync('sh', ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, main, ...words], { encoding: 'utf8' })

let count = 0
for (const [name, words] of Object.entries(COMMANDS)) {
  const [whole, template] = [at(`${name}-whole`), at(`${name}-template`)]
  /** A name beside which lies what a killed run left. */
  const left = (out = at(`out-${count++}`)) => {
    for (const name of partials(out)) rmSync(join(root, name), { recursive: true })
    cpSync(template, `${out}.partial-aaaaaa`, { recursive: true })
    return out
  }
  const same = (out: string) => {
    assert.equal(hashOf(out), hashOf(whole))
    assert.deepEqual(partials(out), [])
  }

  test(`${name}: killed, then stopped by Ctrl-C, the same command goes on and ends with the same bytes`, async () => {
    assert.equal((await call(words(whole))).status, 0)
    const out = at(`out-${count++}`)
    // One that goes on must have something to finish before it is stopped, too.
    const most = Object.keys(SHAPES).length - 3
    assert.equal((await stopAt(words, out, { blocks: 3, most, stop: 'SIGKILL' })).signal, 'SIGKILL')
    cpSync(join(root, partials(out)[0]!), template, { recursive: true })
    const prepare = () => left(out)
    const alone = (folder: string) => [...words(folder), '--jobs', '1']
    const { code, signal, said } = await stopAt(alone, out, { prepare, blocks: 1, stop: 'SIGINT' })
    // A thread that a busy machine does not let end within half a second is left to the signal (decision 19).
    assert.ok(code === 130 || signal === 'SIGINT', `${code} ${signal}`)
    assert.match(said, /what is finished is kept; the same command goes on with it, --discard drops it\n$/)
    await ends(words(out), /^note: .*: goes on: \d+\.\d MB of 17\.0 MB are done$/m)
    same(out)
  })

  test(`${name}: --discard and other options start anew; a damaged block is done again`, async () => {
    let out = left()
    assert.doesNotMatch(await ends([...words(out), '--discard'], /(?:)/), /goes on/)
    same(out)
    out = left()
    await ends([...words(out), '--shard-size', '0.01'], /was begun before and starts anew: the options are others$/m)
    assert.deepEqual(partials(out), [])

    out = left()
    const weights = join(root, partials(out)[0]!, 'model.safetensors')
    const bytes = readFileSync(weights)
    for (let i = 1 << 16; i < bytes.length; i += 1 << 20) bytes[i]! ^= 1
    writeFileSync(weights, bytes)
    await ends(words(out), /goes on: .* of 17\.0 MB are done, \d damaged blocks are done again$/m)
    same(out)
  })

  test(`${name}: a full disk, and an input that ends early, are one line and leave nothing`, async () => {
    const out = at(`out-${count++}`)
    const { status, stderr } = limited(8_000, words(out))
    assert.equal(status, 1)
    assert.match(stderr, /^deltalab: .*: the disk is full \(17\.0 MB are needed\); nothing was written\n$/)
    const earlier = limited(8_000, [...words(whole), '--overwrite'])
    assert.match(earlier.stderr, /the disk is full/)
    same(whole)

    const input = join(one, 'model.safetensors')
    const [bytes, { atime, mtime }] = [readFileSync(input), statSync(input)]
    const restore = () => (writeFileSync(input, bytes), utimesSync(input, atime, mtime))
    const cut = () => truncateSync(input, 1 << 20)
    const { code, said } = await stopAt(words, out, { prepare: restore, blocks: 1, stop: cut })
    restore()
    assert.equal(code, 1)
    assert.match(said, /^deltalab: .*model.safetensors: ends inside a tensor: the file changed while it was read\n$/m)
    assert.deepEqual(partials(out), [])
  })
}

test('another file under the name of an input, in the middle of the work, is an error and leaves nothing', async () => {
  const [input, kept] = [join(one, 'model.safetensors'), at('kept.safetensors')]
  const other = at('other.safetensors')
  cpSync(input, kept)
  const prepare = () => (cpSync(kept, input), cpSync(join(two, 'model.safetensors'), other))
  const out = at('replaced')
  const stop = () => renameSync(other, input)
  const { code, said } = await stopAt(COMMANDS.edit, out, { prepare, blocks: 1, stop })
  renameSync(kept, input)
  assert.equal(code, 1)
  assert.match(said, /^deltalab: .*one.model.safetensors: changed while it was read; start again\n$/m)
  assert.deepEqual([existsSync(out), partials(out)], [false, []])
})

test('an input that changed starts anew and says so, also where its size and time are the same', async () => {
  const words = COMMANDS.merge
  const input = join(base, 'model.safetensors')
  const time = new Date(1e12)
  utimesSync(input, time, time)
  const out = at('changed')
  await stopAt(words, out, { blocks: 3, line: /"input",".*base.model.safetensors"/, stop: 'SIGKILL' })
  cpSync(join(root, partials(out)[0]!), at('changed-too.partial-aaaaaa'), { recursive: true })
  const bytes = readFileSync(input)
  for (let i = 1 << 16; i < bytes.length; i += 1 << 12) bytes[i]! ^= 1
  writeFileSync(input, bytes)
  utimesSync(input, time, time)
  await ends(
    words(out),
    /starts anew: .*base\/model.safetensors has other bytes than in the run that was interrupted$/m,
  )
  utimesSync(input, time, new Date(1e12 + 1))
  await ends(words(at('changed-too')), /was begun before and starts anew: an input changed$/m)
  assert.equal(hashOf(out), hashOf(at('changed-too')))
  assert.notEqual(hashOf(out), hashOf(at('merge-whole')))
})
