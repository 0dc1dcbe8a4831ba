// Lists of what was written: the shipped checkpoints are as theirs say, so that `npm run family -- --overwrite` may replace them.
import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { markReplaced, removeOwn, sealFolder, strangersIn } from '../../src/files/manifest.js'

test('the shipped checkpoints are as their lists say; node scripts/seal.mjs lists them again', async () => {
  const folders = readdirSync('checkpoints').flatMap((part) =>
    existsSync(join('checkpoints', part, 'base'))
      ? readdirSync(join('checkpoints', part)).map((name) => join('checkpoints', part, name))
      : [],
  )
  assert.ok(folders.length > 20)
  for (const folder of folders) assert.deepEqual(await strangersIn(folder), [], folder)
})

/** Writes one byte in place, a second after the folder was listed. */
function change(file: string, position: number): void {
  const handle = openSync(file, 'r+')
  writeSync(handle, 'x', position)
  closeSync(handle)
  const later = statSync(file).mtimeMs / 1000 + 1
  utimesSync(file, later, later)
}

test('one byte changed in the middle of a file, small or large, makes it that of somebody else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-manifest-'))
  try {
    const sizes: Record<string, number> = { 'large.bin': 65 << 20, 'small.bin': (3 << 20) + 5 }
    for (const [name, size] of Object.entries(sizes)) {
      const handle = openSync(join(folder, name), 'w')
      ftruncateSync(handle, size)
      closeSync(handle)
    }
    await sealFolder(folder)
    assert.deepEqual(await strangersIn(folder), [])
    await markReplaced(folder, 'abc')
    assert.deepEqual(await strangersIn(folder), [])
    for (const [name, size] of Object.entries(sizes)) change(join(folder, name), size >> 1)
    assert.deepEqual(await strangersIn(folder), ['large.bin', 'small.bin'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('only the list itself is no stranger: a copy of it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-manifest-'))
  try {
    writeFileSync(join(folder, 'own'), '1')
    await sealFolder(folder)
    writeFileSync(join(folder, '.deltalab.json.bak'), '')
    assert.deepEqual(await strangersIn(folder), ['.deltalab.json.bak'])
    renameSync(join(folder, '.deltalab.json.bak'), join(folder, '.deltalab.json.part'))
    assert.deepEqual(await strangersIn(folder), [])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the last byte of a large file counts, whatever its times say', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-manifest-'))
  try {
    const file = join(folder, 'large.bin')
    const handle = openSync(file, 'w')
    ftruncateSync(handle, 65 << 20)
    closeSync(handle)
    await sealFolder(folder)
    change(file, (65 << 20) - 1)
    utimesSync(file, 1e9, 1e9)
    assert.deepEqual(await strangersIn(folder), ['large.bin'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what was listed goes, with the folders that hold nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-manifest-'))
  mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  writeFileSync(join(folder, 'a', 'b', 'own.txt'), '')
  await sealFolder(folder)
  await removeOwn(folder)
  assert.ok(!existsSync(folder))
})
