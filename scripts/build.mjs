// Compiles the WebAssembly kernels (AssemblyScript) and the TypeScript sources into dist/, bundles the program, and makes
// `npx deltalab` work inside the checkout itself.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { bundle, FONTS } from './bundle.mjs'

const out = 'dist/src/kernels'
mkdirSync(out, { recursive: true })
removeLeftOvers()
for (const file of readdirSync('src/kernels/assembly').filter((f) => f.endsWith('.ts'))) {
  const source = `src/kernels/assembly/${file}`
  const target = `${out}/${file.replace(/\.ts$/, '.wasm')}`
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) continue
  execFileSync(
    process.execPath,
    [
      'node_modules/assemblyscript/bin/asc.js',
      source,
      '--outFile',
      target,
      '-O3',
      '--debug', // names of the functions, for profiles; the code is the same
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--initialMemory',
      '1',
      '--enable',
      'simd',
      '--use',
      'abort=',
    ],
    { stdio: 'inherit' },
  )
}
execFileSync(process.execPath, ['node_modules/typescript-7/bin/tsc', '-p', '.'], { stdio: 'inherit' })
for (const file of ['tf.js', 'tf.d.ts']) copyFileSync(`src/tensor/${file}`, `dist/src/tensor/${file}`)
for (const file of ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'])
  copyFileSync(`${FONTS}/ttf/${file}`, `dist/src/report/${file}`)
await bundle()
const link = 'node_modules/.bin/deltalab'
mkdirSync(dirname(link), { recursive: true })
rmSync(link, { force: true })
symlinkSync('../../dist/bundle/cli/main.js', link)

/** Removes what was built from a source file that is there no longer: a test of it would run on. */
function removeLeftOvers() {
  for (const file of readdirSync('dist', { recursive: true })) {
    const source = file.replace(/(\.d)?\.[jt]s$/, '')
    if (source === file || file.startsWith('bundle')) continue
    if (!['ts', 'js', 'd.ts'].some((end) => existsSync(`${source}.${end}`))) rmSync(`dist/${file}`)
  }
}
