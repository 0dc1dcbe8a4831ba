// Compiles the WebAssembly kernels (AssemblyScript) and the TypeScript sources into dist/, bundles the program, and makes
// `npx deltalab` work inside the checkout itself.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, sep } from 'node:path'
import { bundle, FONTS } from './bundle.mjs'
import { makePageFile } from './page.mjs'

mkdirSync('dist', { recursive: true })
removeLeftOvers()
compileKernels()
execFileSync(process.execPath, ['node_modules/typescript-7/bin/tsc', '-p', '.'], { stdio: 'inherit' })
for (const file of ['tf.js', 'tf.d.ts']) copyFileSync(`src/tensor/${file}`, `dist/src/tensor/${file}`)
mkdirSync('dist/src/native', { recursive: true })
for (const name of ['host.cc', 'sessions.cc']) copyFileSync(`src/native/${name}`, `dist/src/native/${name}`)
for (const file of ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'])
  copyFileSync(`${FONTS}/ttf/${file}`, `dist/src/report/${file}`)
await makePageFile()
await bundle()
writeSchemas()
const link = 'node_modules/.bin/deltalab'
mkdirSync(dirname(link), { recursive: true })
rmSync(link, { force: true })
symlinkSync('../../dist/bundle/cli/main.js', link)

/** The JSON Schemas of YAML files, which text editors read. */
function writeSchemas() {
  mkdirSync('dist/schemas', { recursive: true })
  for (const kind of ['experiment', 'merge', 'recipe', 'zeroth'])
    writeFileSync(
      `dist/schemas/${kind}.json`,
      execFileSync(process.execPath, ['dist/bundle/cli/main.js', 'schema', kind]),
    )
}

/** Removes what was built from a source file that is there no longer: a test of it would run on. */
function removeLeftOvers() {
  for (const file of readdirSync('dist', { recursive: true })) {
    const source = file.replace(/(\.d)?\.[jt]s$/, '')
    if (source === file || /^(bundle|suite)/.test(file)) continue
    if (!['ts', 'js', 'd.ts'].some((end) => existsSync(`${source}.${end}`))) rmSync(`dist/${file}`)
  }
}

/** Compiles all kernels, unless those of these very sources are there: times of files say little of a copied folder. */
function compileKernels() {
  const [sources, out] = ['src/kernels/assembly', 'dist/src/kernels']
  const files = readdirSync(sources, { recursive: true }).filter((file) => file.endsWith('.ts'))
  const digest = createHash('sha256')
  for (const file of [...files.map((file) => `${sources}/${file}`), 'package-lock.json', 'scripts/build.mjs'])
    digest.update(readFileSync(file))
  const [stamp, made] = [`${out}/sources.sha256`, digest.digest('hex')]
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === made) return
  mkdirSync(out, { recursive: true })
  rmSync(stamp, { force: true })
  // What lies in a folder is imported by kernels.
  for (const file of files.filter((file) => !file.includes(sep)))
    compileKernel(`${sources}/${file}`, `${out}/${file.replace(/\.ts$/, '.wasm')}`)
  compileKernel(`${sources}/gemm.ts`, `${out}/gemm-fma.wasm`, ['--enable', 'relaxed-simd'])
  writeFileSync(stamp, made)
}

function compileKernel(source, target, more = []) {
  // The names of functions (--debug) are for profiles; the code is the same.
  const memory = ['--importMemory', '--initialMemory', '1', '--runtime', 'stub', '--use', 'abort=']
  // Generic functions that kernels share are no exports of theirs: warning 235 would say so.
  const options = ['-O3', '--debug', '--noAssert', '--enable', 'simd', '--disableWarning', '235', ...memory, ...more]
  const compiler = 'node_modules/assemblyscript/bin/asc.js'
  execFileSync(process.execPath, [compiler, source, '--outFile', target, ...options], { stdio: 'inherit' })
}
