// Makes dist/src/report/page.html of src/page: style, program and licences stand in it, and a policy that lets nothing else run.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { licencesOf } from './bundle.mjs'

const NONE = 'deltalab:none'

/** Modules of Node, and transforms of vega that no figure uses. */
const LEFT_OUT =
  /^(node:.*|fs|path|stream|util|@resvg\/.*|vega-(crossfilter|force|geo|hierarchy|label|voronoi|wordcloud))$/

/** What the page does without: what is left out, and whatever of a module nothing in the page uses. */
const forBrowsers = {
  name: 'for browsers',
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /.*/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === NONE || from.kind === 'entry-point') return undefined
      if (LEFT_OUT.test(path)) return { path, namespace: NONE, sideEffects: false }
      const found = await resolve(path, { ...from, pluginData: NONE })
      return found.errors.length ? found : { path: found.path, sideEffects: false }
    })
    onLoad({ filter: /.*/, namespace: NONE }, () => ({ contents: 'module.exports = {}' }))
    onLoad({ filter: /zod.v4.locales.index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: dirname(path),
    }))
  },
}

async function bundled(entry) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    plugins: [forBrowsers],
    logLevel: 'warning',
    logOverride: { 'empty-import-meta': 'silent' },
  })
  const [{ inputs }] = Object.values(metafile.outputs)
  const used = Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0)
  return { text: outputFiles[0].text.trim(), used, inputs }
}

const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const packed = (text) => gzipSync(text, { level: 9 }).toString('base64')

/** Writes the page without its title and data. @returns what the program is made of, by file */
export async function makePageFile() {
  const [loader, program] = await Promise.all([bundled('src/page/loader.ts'), bundled('src/page/main.ts')])
  const { code: style } = await import('esbuild').then(({ transform }) =>
    transform(readFileSync('src/page/page.css', 'utf8'), { loader: 'css', minify: true }),
  )
  const parts = {
    LOADER_HASH: hashOf(loader.text),
    PROGRAM_HASH: hashOf(program.text),
    STYLE_HASH: hashOf(style),
    STYLE: style,
    LICENCES: packed(licencesOf(program.used)),
    PROGRAM: packed(program.text),
    LOADER: loader.text,
  }
  const page = readFileSync('src/page/page.html', 'utf8')
  const text = page.replace(new RegExp(Object.keys(parts).join('|'), 'g'), (name) => parts[name])
  writeFileSync('dist/src/report/page.html', text)
  return program.inputs
}
