// `npm run notebooks [-- --check] [name.ipynb …]`: runs every notebook in Deno's Jupyter kernel, from its first cell to its last, and
// stores the outputs in the file. `--check` writes nothing: it fails where the stored outputs are not those of this run.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { startKernel } from './kernel.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'notebooks')
const denoKernel = (connection) => [join(root, 'node_modules/.bin/deno'), 'jupyter', '--kernel', '--conn', connection]

const toLines = (text) => text.split(/(?<=\n)/)

/**
 * Outputs as a notebook stores them: without colours, texts in lines. Each stream comes whole and before what is shown, because
 * Deno's kernel sends the two in any order (findings/deno-kernel-output-of-other-cells.sh).
 */
function storedForm(outputs, count) {
  const [streams, shown] = [new Map(), []]
  for (const { output_type, name, text, data, metadata, ename, evalue, traceback } of outputs) {
    if (output_type === 'stream') streams.set(name, (streams.get(name) ?? '') + stripVTControlCharacters(text))
    else if (output_type === 'error') shown.push({ output_type, ename, evalue, traceback })
    else
      shown.push({
        output_type,
        ...(output_type === 'execute_result' && { execution_count: count }),
        data: Object.fromEntries(Object.entries(data).map(([type, value]) => [type, storedData(type, value)])),
        metadata: metadata ?? {},
      })
  }
  const printed = [...streams].sort().map(([name, text]) => ({ output_type: 'stream', name, text: toLines(text) }))
  return [...printed.filter(({ text }) => text.length), ...shown]
}

const storedData = (type, value) =>
  typeof value !== 'string' || type === 'image/png'
    ? value
    : toLines(type === 'text/plain' ? stripVTControlCharacters(value) : value)

/** Texts and SVG must be the same. The bytes of a PNG depend on the library that draws it; it must be there. */
const comparable = (outputs) =>
  JSON.stringify(outputs, (key, value) =>
    key === 'image/png' ? String(value).startsWith('iVBORw0KGgo') : key === 'execution_count' ? undefined : value,
  )

/** Runs the cells; throws at the first that fails. */
async function runCells(kernel, cells) {
  const done = []
  for (const [i, cell] of cells.entries()) {
    const outputs = storedForm(await kernel.execute([cell.source].flat().join('')), i + 1)
    const error = outputs.find((output) => output.output_type === 'error')
    if (error) throw new Error(`cell ${i + 1}: ${stripVTControlCharacters(error.traceback.join('\n'))}`)
    done.push({ execution_count: i + 1, outputs })
  }
  return done
}

async function runNotebook(file, check) {
  const notebook = JSON.parse(readFileSync(file, 'utf8'))
  const cells = notebook.cells.filter((cell) => cell.cell_type === 'code')
  const kernel = await startKernel(denoKernel, folder)
  const done = await runCells(kernel, cells).finally(() => kernel.stop())
  const stale = cells.findIndex((cell, i) => comparable(cell.outputs) !== comparable(done[i].outputs))
  if (check && stale >= 0) throw new Error(`cell ${stale + 1} shows something else now: npm run notebooks stores it`)
  if (check) return
  cells.forEach((cell, i) => Object.assign(cell, done[i]))
  writeFileSync(file, `${JSON.stringify(notebook, null, 1)}\n`)
}

const words = process.argv.slice(2)
const asked = words.filter((word) => word.endsWith('.ipynb')).map((word) => basename(word))
for (const name of asked.length ? asked : readdirSync(folder).filter((file) => file.endsWith('.ipynb'))) {
  const start = performance.now()
  try {
    await runNotebook(join(folder, name), words.includes('--check'))
    process.stdout.write(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`)
  } catch (error) {
    process.stderr.write(`${name}: ${error.message}\n`)
    process.exitCode = 1
  }
}
