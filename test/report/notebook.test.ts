// The notebooks run from the committed results, cell after cell, and their committed output is what they say now.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'

const folder = join(packageRoot, 'notebooks')

interface Cell {
  cell_type: string
  outputs: { data?: Record<string, string[]>; text?: string[] }[]
}

test('node notebooks/run.mjs --check: every cell runs, every output is current', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'run.mjs'), '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('every notebook shows text and a figure', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.ipynb'))
  assert.ok(names.length > 0)
  for (const name of names) {
    const { cells, nbformat } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      cells: Cell[]
      nbformat: number
    }
    assert.equal(nbformat, 4)
    const outputs = cells.filter((cell) => cell.cell_type === 'code').flatMap((cell) => cell.outputs)
    assert.ok(
      outputs.some(({ text }) => text?.join('').trim()),
      `${name} prints nothing`,
    )
    assert.ok(
      outputs.some(({ data }) => data?.['image/svg+xml']?.join('').startsWith('<svg')),
      `${name} has no figure`,
    )
  }
})
