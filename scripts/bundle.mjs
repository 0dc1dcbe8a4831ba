// Bundles what tsc wrote: dist/src becomes dist/bundle, the published program, and the tests become dist/suite. Both are quick
// to load. All entries share one instance of each module. A module still finds what lies beside it (workers, kernels, fonts):
// its `import.meta.url` is the place in dist/bundle that its file has in dist/src; that of a test stays.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { pastDoors, takenFromDoors } from './doors.mjs'
import { inGroups } from './groups.mjs'

const DIST = resolve('dist')
const SOURCE = join(DIST, 'src')
const TARGET = join(DIST, 'bundle')
const TESTS = join(DIST, 'test')
const SUITE = join(DIST, 'suite')

/** The program, the doors of the package, and the scripts of worker threads. */
const isEntry = (file) => /^(cli\/main|index|plugin|report|zod|(.*[/-])?worker)\.js$/.test(file)

/** What modules read that is no module. */
const isAsset = (file) => /\.(wasm|ttf|cc|html)$/.test(file)

/** Native code, packages with files of their own, and what few commands need. */
const EXTERNAL = ['@tensorflow/*', '@resvg/resvg-js', '@cwasm/jpeg-turbo', 'esbuild']

/** What the figures are written in; scripts/build.mjs brings the files. */
export const FONTS = 'node_modules/dejavu-fonts-ttf'

/** CommonJS packages call `require` for modules of Node: by a function of esbuild, which takes this one. */
const REQUIRE =
  "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);\n"

/** Stands for the way from a file that is written to dist. */
const ROOT = 'deltalab:dist'

const placesStay = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const file = relative(DIST, path)
      if (!/^(src|test)\//.test(file)) return undefined
      const text = readFileSync(path, 'utf8')
      const stray = [...text.matchAll(/new URL\(['"](\.[^'"]*\.js)['"], import\.meta\.url\)/g)].find(
        ([, script]) => file.startsWith('src') && !isEntry(relative(SOURCE, resolve(dirname(path), script))),
      )
      if (stray)
        return { errors: [{ text: `${stray[1]} is no entry: a script is called worker.js or NAME-worker.js` }] }
      const place = `new URL("${ROOT}/${file.replace(/^src/, 'bundle')}", import.meta.url).href`
      return { contents: pastDoors(text, path).replaceAll('import.meta.url', place) }
    })
  },
}

/**
 * Parts of packages that every command would load, and that change nothing that it prints: yargs measures its help with
 * string-width, which takes 25 ms to load, and zod brings its messages in fifty languages, half of its code.
 */
const lightPackages = {
  name: 'light packages',
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /^string-width$/ }, ({ kind, resolveDir }) =>
      kind === 'import-statement' ? resolve('fast-string-width', { kind, resolveDir }) : undefined,
    )
    onLoad({ filter: /zod.v4.locales.index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: dirname(path),
    }))
  },
}

/** Packages that a test imports stay outside. */
const packagesOfTests = {
  name: 'packages of tests',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ importer }) => (importer.startsWith(TESTS) ? { external: true } : undefined))
  },
}

/** The bundle of these entries. */
function bundleOf(entries, { from, to, plugins }) {
  return build({
    entryPoints: entries.map((file) => join(from, file)),
    outbase: from,
    outdir: to,
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: EXTERNAL,
    plugins: [...plugins, placesStay, takenFromDoors, lightPackages],
    logLevel: 'warning',
  })
}

/** Writes a bundle, in an empty folder. */
function write({ outputFiles }, to) {
  rmSync(to, { recursive: true, force: true })
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true })
    const code = text.includes('var __require = ') ? REQUIRE + text : text
    writeFileSync(path, code.replaceAll(ROOT, relative(dirname(path), DIST)))
  }
}

/** A plugin shares modules with the program that loads it: these tests run on dist/src, which plugins find. */
const UNBUNDLED = ['registry/plugin.test.js']

/** Makes dist/suite anew. @returns the files of the tests */
export async function bundleTests() {
  const tests = readdirSync(TESTS, { recursive: true }).filter((file) => file.endsWith('.test.js'))
  const bundled = tests.filter((file) => !UNBUNDLED.includes(file))
  write(await bundleOf(bundled, { from: TESTS, to: SUITE, plugins: [packagesOfTests] }), SUITE)
  return tests.sort().map((file) => join(bundled.includes(file) ? 'dist/suite' : 'dist/test', file))
}

/** Makes dist/bundle anew. */
export async function bundle() {
  const files = readdirSync(SOURCE, { recursive: true })
  const [entries, places] = [files.filter(isEntry), { from: SOURCE, to: TARGET }]
  const apart = await bundleOf(entries, { ...places, plugins: [] })
  const grouped = await bundleOf(entries, { ...places, plugins: [inGroups(apart.metafile, SOURCE)] })
  write(grouped, TARGET)
  for (const file of files.filter(isAsset)) cpSync(join(SOURCE, file), join(TARGET, file))
  writeFileSync(join(TARGET, 'THIRD-PARTY.txt'), licencesOf([...Object.keys(grouped.metafile.inputs), FONTS]))
  chmodSync(join(TARGET, 'cli/main.js'), 0o755)
  return grouped.metafile
}

/** The licences of the packages that files come from. */
export function licencesOf(files) {
  const folders = files.flatMap((file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  const licences = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    const by = typeof author === 'object' ? author.name : author
    const title = `${name} ${version}: ${license}${by ? `, by ${by}` : ''}`
    return [title, ...texts.map((file) => readFileSync(join(folder, file), 'utf8').trim())].join('\n\n')
  })
  return `Packages that are part of this program, with their licences.\n\n${licences.join(`\n\n${'-'.repeat(72)}\n\n`)}\n`
}
