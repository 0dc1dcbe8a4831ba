// Folders under their names: killed before every change of the file system, raced by other processes, beside files of others;
// what was finished is never lost, what is a stranger's is never touched, and nothing half-written stays.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { UserError } from '../../src/errors/index.js'
import { writeFolder } from '../../src/files/folder.js'
import { interruptedAt } from '../../src/files/leftovers.js'
import { checkApart, checkTarget } from '../../src/files/target.js'

const root = mkdtempSync(join(tmpdir(), 'folder-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
/** A name in a folder of its own. */
const fresh = () => (mkdirSync(join(root, String(count))), join(root, String(count++), 'out'))
const beside = (target: string) => readdirSync(dirname(target)).filter((name) => name !== basename(target))
const put = (target: string, text: string, overwrite = false) =>
  writeFolder(target, { overwrite, bytes: 0 }, async (partial) => writeFileSync(join(partial, 'text'), text))
const textIn = (folder: string) => readFileSync(join(folder, 'text'), 'utf8')
const refused = (pattern: RegExp) => (error: unknown) => error instanceof UserError && pattern.test(error.message)

const script = fileURLToPath(new URL('writer.js', import.meta.url))
const run = (target: string, text: string, overwrite: boolean, step: number | '-') =>
  new Promise<string>((done) =>
    execFile(process.execPath, [script, target, text, String(overwrite), String(step)], (error, stdout, stderr) =>
      done((error as { signal?: string } | null)?.signal === 'SIGKILL' ? 'killed' : error ? stderr : stdout),
    ),
  )

/** Writes over and over with a kill one step later each time, until a run gets to its end; how many were killed. */
async function killEverywhere(before: string | null, check: (target: string) => Promise<void>): Promise<number> {
  for (let step = 0; ; step++) {
    const target = fresh()
    if (before !== null) await put(target, before)
    const said = await run(target, 'new', before !== null, step)
    if (said === 'written') return step
    assert.equal(said, 'killed', said)
    await check(target)
    // The next run finds it; told again, it does what was wanted; nothing stays beside it but what was finished.
    await checkTarget(target, target, true).catch((error) =>
      assert.ok(refused(/was killed .* run the command again if you still want the result/)(error), String(error)),
    )
    await put(target, 'new', true)
    assert.equal(textIn(target), 'new')
    for (const name of beside(target))
      assert.ok(
        name.startsWith('out.finished-') && textIn(join(dirname(target), name)) === 'new',
        `step ${step}: ${name}`,
      )
  }
}

test('killed before any change, a run that replaces loses neither the folder before nor a finished new one', async () => {
  const kills = await killEverywhere('old', async (target) => {
    if (existsSync(target)) assert.ok(['old', 'new'].includes(textIn(target)))
    else {
      assert.match(
        (await interruptedAt(target))!,
        /interrupted while it replaced this folder: the one before is .*out\.old-\w{6}, the finished new one .*partial-/,
      )
      await assert.rejects(
        openCheckpoint(target),
        refused(/no such checkpoint folder: a run with --overwrite was interrupted .* rename/),
      )
    }
  })
  assert.ok(kills >= 8, `${kills} steps`)
})

test('killed before any change, a run that writes anew leaves nothing half-written under the name', async () => {
  const kills = await killEverywhere(null, async (target) => {
    if (existsSync(target)) assert.equal(textIn(target), 'new')
  })
  assert.ok(kills >= 4, `${kills} steps`)
})

test('what was finished gets its name when the run was killed just before', async () => {
  const target = fresh()
  await put(target, 'done')
  renameSync(target, `${target}.partial-abc123`)
  await assert.rejects(
    openCheckpoint(target),
    refused(/a run was interrupted when it was finished: rename .*partial-abc123/),
  )
  await assert.rejects(checkTarget(target, target, false), refused(/what it wrote is in its place now/))
  assert.equal(textIn(target), 'done')
  // Copies that people made are left alone, whatever they are called.
  cpSync(target, `${target}.old-backup`, { recursive: true })
  await put(target, 'again', true)
  assert.equal(textIn(`${target}.old-backup`), 'done')
})

test('several processes that write one name at once: one does, the others are told, and nothing is lost', async () => {
  for (const overwrite of [false, true]) {
    const target = fresh()
    if (overwrite) await put(target, 'old')
    const said = await Promise.all(['a', 'b', 'c'].map((text) => run(target, text, overwrite, '-')))
    for (const [i, text] of ['a', 'b', 'c'].entries()) {
      if (said[i] === 'written') continue
      assert.match(said[i]!, /is being written by process \d+; wait for it|exists and is not empty|appeared while/)
      assert.notEqual(existsSync(target) && textIn(target), text)
    }
    assert.ok(overwrite || said.filter((each) => each === 'written').length === 1, said.join('\n'))
    assert.ok(said.includes('written'))
    assert.deepEqual(beside(target), [])
  }
})

test('a folder that appears meanwhile is kept, and so is what was written', async () => {
  for (const overwrite of [false, true]) {
    const target = fresh()
    const appear = async (partial: string) => {
      writeFileSync(join(partial, 'text'), 'ours')
      mkdirSync(target)
      writeFileSync(join(target, 'thesis.tex'), 'years of work')
    }
    await assert.rejects(
      writeFolder(target, { overwrite, bytes: 0 }, appear),
      refused(
        /(appeared while this was running|did not write this folder).* What was written is in .*out\.finished-\w{6}$/s,
      ),
    )
    assert.deepEqual(readdirSync(target), ['thesis.tex'])
    assert.equal(textIn(join(dirname(target), beside(target)[0]!)), 'ours')
  }
})

test('--overwrite replaces what this program wrote as it wrote it, and names the rest', async () => {
  const own = fresh()
  await put(own, 'one')
  await put(own, 'two', true)
  await assert.rejects(put(own, 'three'), refused(/exists and is not empty; choose another name or give --overwrite/))
  for (const [path, text, named] of [
    ['notes.md', 'mine', 'notes.md'],
    ['sub/deep.txt', 'mine', 'sub/deep.txt'],
    ['text', 'changed by hand', 'text'],
  ] as const) {
    const folder = fresh()
    await put(folder, 'ours')
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    await assert.rejects(
      put(folder, 'new', true),
      refused(new RegExp(`is not overwritten: ${named} is not as deltalab wrote it`)),
    )
    assert.equal(readFileSync(join(folder, path), 'utf8'), text)
  }
  const trainer = fresh()
  mkdirSync(join(trainer, 'checkpoint-500'), { recursive: true })
  for (const name of ['model.safetensors', 'config.json', 'notes.md', 'checkpoint-500/model.safetensors'])
    writeFileSync(join(trainer, name), 'x')
  await assert.rejects(
    put(trainer, 'new', true),
    refused(/deltalab did not write this folder, and does not overwrite it/),
  )
  assert.deepEqual(readdirSync(trainer).sort(), ['checkpoint-500', 'config.json', 'model.safetensors', 'notes.md'])
})

test('a link is followed to the folder that it means; an input is found through links', async () => {
  const target = fresh()
  const link = `${target}-link`
  await put(target, 'one')
  symlinkSync(target, link)
  await put(link, 'two', true)
  assert.equal(textIn(target), 'two')
  assert.deepEqual(beside(target), ['out-link'])
  symlinkSync(join(root, 'nowhere'), `${target}-lost`)
  await assert.rejects(put(`${target}-lost`, 'x'), refused(/is a broken link/))
  await assert.rejects(checkApart(join(link, 'new', 'deeper'), [target]), refused(/lies in .*, the folder of an input/))
  await assert.rejects(checkApart(link, [target]), refused(/is an input/))
})

test('a failure leaves nothing', async () => {
  const target = fresh()
  await assert.rejects(
    writeFolder(target, { bytes: 0 }, async () => {
      throw new Error('no')
    }),
    /no/,
  )
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' })
  await assert.rejects(
    writeFolder(target, { bytes: 0 }, async () => {
      throw full
    }),
    refused(/the disk is full .*nothing was written/),
  )
  assert.deepEqual(readdirSync(dirname(target)), [])
})
