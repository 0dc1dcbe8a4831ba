// Whole processes measured from outside: peak memory with that of children, and failures.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { measureProgram } from '../../bench/processes.js'

const node = (script: string) => measureProgram({ command: process.execPath, words: ['-e', script] })
const hold = (megabytes: number) => `globalThis.held = Buffer.alloc(${megabytes}e6, 1); setTimeout(() => {}, 300)`
const skip = !existsSync('/proc/self/status') && 'this system has no /proc'

test('peak memory has what a process held, and what its child held', { skip }, async () => {
  const empty = (await node('setTimeout(() => {}, 300)')).peak!
  const alone = (await node(hold(300))).peak!
  assert.ok(alone - empty > 270e6 && alone - empty < 400e6, `${alone} beside ${empty}`)
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(hold(300))}])`
  const both = (await node(parent)).peak!
  assert.ok(both - 2 * empty > 250e6 && both - 2 * empty < 400e6, `${both} beside ${empty}`)
})

test('memory that is held no longer still counts', { skip }, async () => {
  const freed = await node('Buffer.alloc(300e6, 1); setTimeout(() => {}, 300)')
  assert.ok(freed.peak! > 300e6, String(freed.peak))
})

test('a program that fails is an error with what it wrote', async () => {
  await assert.rejects(node('console.error("no room"); process.exit(3)'), { message: 'ended with 3: no room' })
  await assert.rejects(measureProgram({ command: 'no-such-program', words: [] }), { code: 'ENOENT' })
})
