// Compiles the WebAssembly kernels (AssemblyScript) and the TypeScript sources into dist/, and makes `npx deltalab` work
// inside the checkout itself.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'

const out = 'dist/src/kernels'
mkdirSync(out, { recursive: true })
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
const main = 'dist/src/cli/main.js'
if (existsSync(main)) {
  chmodSync(main, 0o755)
  mkdirSync('node_modules/.bin', { recursive: true })
  if (!existsSync('node_modules/.bin/deltalab')) symlinkSync(`../../${main}`, 'node_modules/.bin/deltalab')
}
