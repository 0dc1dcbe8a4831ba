// Runs the cells of every notebook here in order with plain Node and writes what they print and show back into the file, so
// that no notebook kernel is needed. `--check` writes nothing and fails when an output is not current.
//   node notebooks/run.mjs [--check] [name.ipynb …]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'

const DISPLAY = Symbol.for('Jupyter.display')
const AsyncFunction = (async () => {}).constructor

/** All code cells as one function, so that they share their names as in a kernel; a cell ends by showing its last line's value. */
function bodyOf(cells) {
  return cells
    .map((cell, i) => {
      const lines = cell.source.join('').trimEnd().split('\n')
      const last = lines.at(-1)
      const shown =
        /^[\w.]+(\(.*\))?$/.test(last) && !last.startsWith('console.')
          ? [...lines.slice(0, -1), `notebook.show(${last})`]
          : lines
      return [`notebook.begin(${i})`, ...shown].join('\n')
    })
    .join('\n')
}

async function outputsOf(cells) {
  const outputs = cells.map(() => [])
  let current = 0
  const notebook = {
    begin: (i) => (current = i),
    show: (value) => {
      const data = value?.[DISPLAY]?.() ?? { 'text/plain': inspect(value) }
      outputs[current].push({
        output_type: 'execute_result',
        execution_count: current + 1,
        data: toLines(data),
        metadata: {},
      })
    },
  }
  const print = (text) =>
    outputs[current].push({ output_type: 'stream', name: 'stdout', text: `${text}\n`.split(/(?<=\n)/) })
  await new AsyncFunction('notebook', 'console', bodyOf(cells))(notebook, {
    log: (...values) => print(values.join(' ')),
  })
  return outputs
}

const toLines = (data) => Object.fromEntries(Object.entries(data).map(([type, text]) => [type, text.split(/(?<=\n)/)]))

process.chdir(dirname(fileURLToPath(import.meta.url)))
const check = process.argv.includes('--check')
const asked = process.argv.slice(2).filter((word) => word.endsWith('.ipynb'))
for (const name of asked.length ? asked : readdirSync('.').filter((file) => file.endsWith('.ipynb'))) {
  const before = readFileSync(name, 'utf8')
  const notebook = JSON.parse(before)
  const cells = notebook.cells.filter((cell) => cell.cell_type === 'code')
  const outputs = await outputsOf(cells)
  cells.forEach((cell, i) => Object.assign(cell, { execution_count: i + 1, outputs: outputs[i] }))
  const after = `${JSON.stringify(notebook, null, 1)}\n`
  if (!check) writeFileSync(name, after)
  else if (after !== before) {
    console.error(`${name} is not current: node notebooks/run.mjs writes it`)
    process.exitCode = 1
  }
}
