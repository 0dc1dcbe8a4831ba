// The notebooks run in a Jupyter kernel, from the first cell to the last, and their stored outputs are what they show now, on wasm.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../src/files/index.js'

const folder = join(packageRoot, 'notebooks')
const names = readdirSync(folder).filter((name) => name.endsWith('.ipynb'))

interface Cell {
  cell_type: string
  source: string[]
  outputs: { data?: Record<string, string | string[]>; text?: string[] }[]
}

test('node scripts/notebooks.mjs --check: every cell runs, every output is current', () => {
  const script = join(packageRoot, 'scripts/notebooks.mjs')
  const env = { ...process.env, DELTALAB_BACKEND: 'wasm' }
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8', env })
  assert.equal(status, 0, stderr)
})

test('every notebook imports deltalab by name, prints text, and shows a figure as SVG and PNG', () => {
  assert.ok(names.length >= 5)
  for (const name of names) {
    const notebook = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { cells: Cell[]; nbformat: number }
    assert.equal(notebook.nbformat, 4)
    const code = notebook.cells.filter((cell) => cell.cell_type === 'code')
    assert.match(code.map(({ source }) => source.join('')).join('\n'), /from 'deltalab(\/report)?'/, name)
    const outputs = code.flatMap((cell) => cell.outputs)
    assert.ok(
      outputs.some(({ text }) => text?.join('').trim()),
      `${name} prints nothing`,
    )
    const figures = outputs.flatMap(({ data }) => (data?.['image/png'] ? [data] : []))
    assert.ok(figures.length > 0, `${name} has no figure`)
    for (const data of figures) {
      assert.match([data['image/svg+xml']].flat().join(''), /^<svg/)
      const bytes = Buffer.from([data['image/png']].flat().join(''), 'base64')
      assert.equal(bytes.toString('latin1', 1, 4), 'PNG')
    }
  }
})
