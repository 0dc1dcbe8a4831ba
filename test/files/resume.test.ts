// Output that is taken up again: killed before every change of the file system or at a random moment, stopped by a signal, with
// a journal of other work; what is finished is done once, what is written is the same.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import type { UserError } from '../../src/errors/index.js'
import { fingerprintOf } from '../../src/files/fingerprint.js'
import { writeFolder } from '../../src/files/folder.js'
import { type BlockJournal, JOURNAL, readJournal } from '../../src/files/journal.js'
import { bytesUnfinished, unfinishedOf } from '../../src/files/leftovers.js'
import { checkTarget } from '../../src/files/target.js'
import { fillAtOnce, fillLetters } from './letters.js'

const root = mkdtempSync(join(tmpdir(), 'resume-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
/** A name in a folder of its own. */
const fresh = () => (mkdirSync(join(root, String(count))), join(root, String(count++), 'out'))
const around = (target: string) => readdirSync(dirname(target))
const textIn = (folder: string) => readFileSync(join(folder, 'text'), 'utf8')
const journalsOf = async (target: string) => (await unfinishedOf(target)).map((folder) => readJournal(folder)!)

const script = fileURLToPath(new URL('writer.js', import.meta.url))
interface Ended {
  said: string
  notes: string
  signal: NodeJS.Signals | null
  code: number | null
}
/** @param hold the letter before which it waits to be stopped @param watch called with the notes so far and what sends a signal */
const run = (
  target: string,
  {
    text = 'abc',
    step = '-',
    work = 'w',
    overwrite = false,
    hold = '',
  }: Partial<Record<'text' | 'work' | 'hold', string>> & {
    step?: number | '-'
    overwrite?: boolean
  } = {},
  watch: (notes: string, stop: (signal: NodeJS.Signals) => void) => void = () => {},
) =>
  new Promise<Ended>((done) => {
    const given = [script, target, text, String(overwrite), String(step), work]
    const child = spawn(process.execPath, given, { env: { ...process.env, HOLD: hold } })
    let [said, notes] = ['', '']
    child.stdout.on('data', (part) => (said += part))
    child.stderr.on('data', (part) => watch((notes += part), (signal) => child.killed || child.kill(signal)))
    child.on('close', (code, signal) => done({ said, notes, signal, code }))
  })

/** The same work in this process until it ends well: it may first be told that the folder is in its place already. */
async function goOn(target: string, overwrite: boolean): Promise<string> {
  let notes = ''
  const say = (text: string) => void (notes += `${text}\n`)
  const resume = { fingerprint: 'w', discard: false, note: say }
  const said = await writeFolder(target, { overwrite, bytes: 0, resume }, fillLetters('abc', say)).then(
    () => 'written',
    (error: UserError) => error.message,
  )
  if (said !== 'written')
    assert.match(said, /a run was killed (when it was finished|while it replaced)|exists and is not empty/)
  if (/the one before is in its place again/.test(said)) return goOn(target, overwrite)
  // It was killed when the new folder was complete and the old one still in its place.
  const [finished] = around(target).filter((name) => name.startsWith('out.finished-'))
  if (finished !== undefined) {
    assert.equal(textIn(join(dirname(target), finished)), 'abc')
    rmSync(join(dirname(target), finished), { recursive: true })
    return goOn(target, overwrite)
  }
  assert.deepEqual(
    around(target).filter((name) => name !== 'out'),
    [],
  )
  return notes
}

test('killed before any change, the same command goes on, does no block twice, and writes the same', async () => {
  for (const overwrite of [false, true]) {
    for (let step = 0, kills = 0; ; step++) {
      const target = fresh()
      if (overwrite) await writeFolder(target, { bytes: 0 }, fillAtOnce('old'))
      const first = await run(target, { step, overwrite })
      if (first.said === 'written') {
        assert.ok(kills >= 18, `${kills} kills`)
        break
      }
      assert.equal(first.signal, 'SIGKILL', first.said)
      kills++
      if (existsSync(target)) assert.ok(overwrite ? ['old', 'abc'].includes(textIn(target)) : textIn(target) === 'abc')
      const kept = (await journalsOf(target)).flatMap(({ blocks }) => [...blocks.keys()])
      const again = [...(await goOn(target, overwrite)).matchAll(/letter (\d)/g)].map(([, at]) => at!)
      assert.deepEqual(
        again.filter((at) => kept.includes(at)),
        [],
        `step ${step}`,
      )
      assert.equal(textIn(target), 'abc', `step ${step}`)
    }
  }
})

test('killed at random moments, over and over, a run ends with the same bytes', async () => {
  const text = 'the same bytes, always'
  for (let round = 0; round < 2; round++) {
    const target = fresh()
    let kills = 0
    for (let ended = false; !ended; ) {
      const moment = Math.floor(Math.random() * 8)
      let lines = 0
      const { said, signal } = await run(target, { text }, (_, stop) => ++lines > moment && stop('SIGKILL'))
      if (signal) kills++
      else assert.match(said, /written|a run was killed when it was finished/)
      ended = !signal
    }
    assert.equal(textIn(target), text)
    assert.ok(kills > 0)
  }
})

test('a signal keeps what is finished and says how to go on; before the first block it leaves nothing', async () => {
  const target = fresh()
  const kept = await run(target, { hold: '2' }, (notes, stop) => /letter 2/.test(notes) && stop('SIGTERM'))
  assert.equal(kept.code, 143)
  assert.match(kept.notes, /out: what is finished is kept; the same command goes on with it, --discard drops it\n$/)
  assert.deepEqual([...(await journalsOf(target))[0]!.blocks.keys()], ['0', '1'])
  assert.ok(!existsSync(target))
  await assert.rejects(openCheckpoint(target), /no such .*: the run that writes it was interrupted: start it again/)
  await checkTarget(target, target, false)
  assert.ok((await bytesUnfinished(target)) > 0, 'its blocks count as room on the disk')
  assert.match((await run(target)).notes, /^2 letters are done\nletter 2\n$/)

  const none = fresh()
  await run(none, { hold: '0' }, (notes, stop) => /letter 0/.test(notes) && stop('SIGTERM'))
  assert.deepEqual(around(none), [])
})

/** A folder as a run leaves it that was killed after two letters. */
async function leave(): Promise<string> {
  const target = fresh()
  await run(target, { hold: '2' }, (notes, stop) => /letter 2/.test(notes) && stop('SIGKILL'))
  return target
}
/** Writes the folder here, and returns what was done before and what was said. */
async function take(
  target: string,
  options: { work?: string; discard?: boolean; fill?: (journal: BlockJournal) => void } = {},
): Promise<[done: string[][], notes: string[]]> {
  const [done, notes]: [string[][], string[]] = [[], []]
  const { work = 'w', discard = false } = options
  const resume = { fingerprint: work, discard, note: (text: string) => void notes.push(text) }
  await writeFolder(target, { bytes: 0, resume }, async (partial, journal) => {
    done.push([...journal.done.keys()])
    options.fill?.(journal)
    writeFileSync(join(partial, 'text'), 'done')
  })
  assert.deepEqual(around(target), ['out'])
  assert.deepEqual(readdirSync(target).sort(), ['.deltalab.json', 'text'])
  return [done, notes]
}

test('other work starts anew and says what changed; --discard, and a run without a journal, drop it', async () => {
  assert.deepEqual(await take(await leave()), [[['0', '1']], []])
  for (const [before, now, why] of [
    ['1 a b', '1 a c', 'an input changed'],
    ['1 a b', '2 x b', 'deltalab has another version, and the options are others'],
  ] as const) {
    const target = fresh()
    await run(target, { hold: '1', work: before }, (notes, stop) => /letter 1/.test(notes) && stop('SIGKILL'))
    const [done, notes] = await take(target, { work: now })
    assert.deepEqual(done, [[]])
    assert.match(notes.join('\n'), new RegExp(`out was begun before and starts anew: ${why}$`))
  }
  assert.deepEqual(await take(await leave(), { discard: true }), [[[]], []])
  const target = await leave()
  await writeFolder(target, { bytes: 0 }, async (partial) => writeFileSync(join(partial, 'text'), 'plain'))
  assert.deepEqual(around(target), ['out'])
})

test('half a line at the end, and what follows a line that is none, does not count', async () => {
  for (const end of ['["block","2"', '\0\0\0\0\n["block","3","x"]\n', '{}\n', '[1,2]\n']) {
    const target = await leave()
    const [partial] = around(target).filter((name) => name.includes('partial'))
    const folder = join(dirname(target), partial!)
    appendFileSync(join(folder, JOURNAL), end)
    const fill = (journal: BlockJournal) => {
      journal.add('2', 'y\nz')
      assert.deepEqual([...readJournal(folder)!.blocks], [...journal.done, ['2', 'y\nz']])
    }
    assert.deepEqual(await take(target, { fill }), [[['0', '1']], []], end)
  }
})

test('an input with other bytes than before starts anew, once', async () => {
  const target = await leave()
  const [partial] = around(target).filter((name) => name.includes('partial'))
  appendFileSync(join(dirname(target), partial!, JOURNAL), '["input","0 9 /x.safetensors","abc"]\n')
  const fill = (journal: BlockJournal) => (
    journal.add('0', '1'), journal.input({ file: '/x.safetensors', begin: 0, bytes: 9 }, 'def')
  )
  const [done, notes] = await take(target, { fill })
  assert.deepEqual(done, [['0', '1'], []])
  assert.match(
    notes.join('\n'),
    /out: starts anew: \/x.safetensors has other bytes than in the run that was interrupted$/,
  )
})

test('an error leaves nothing, of earlier runs neither', async () => {
  for (const code of ['ENOSPC', 'EIO']) {
    const target = await leave()
    const fill = () => {
      throw Object.assign(new Error('write failed'), { code })
    }
    await assert.rejects(take(target, { fill }), /the disk is full .* nothing was written|write failed/)
    assert.deepEqual(around(target), [])
  }
})

test('a fingerprint tells settings, and size and time of every file of weights or settings', async () => {
  const folder = mkdtempSync(join(root, 'print-'))
  const file = join(folder, 'model.safetensors')
  const put = (text: string, seconds: number) => (writeFileSync(file, text), utimesSync(file, 1, seconds))
  const print = (seed = 1) => fingerprintOf({ seed }, [folder])
  put('text', 1.25)
  const own = await print()
  writeFileSync(join(folder, 'README.md'), 'no input')
  assert.equal(await print(), own)
  const others = [await print(2)]
  put('text', 1.25001)
  others.push(await print())
  put('texts', 1.25)
  others.push(await print())
  put('text', 1.25)
  assert.equal(await print(), own)
  writeFileSync(join(folder, 'config.json'), '{}')
  others.push(await print())
  assert.equal(new Set([own, ...others]).size, 5)
  await assert.rejects(fingerprintOf({}, [join(folder, 'b')]), /b: cannot be read: ENOENT/)
})
