// The doors of the package: what can be imported, what cannot, and that every exported thing says what it is.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'

const folder = mkdtempSync(join(tmpdir(), 'doors-'))
after(() => rmSync(folder, { recursive: true }))

test('the three doors open, and no private path does', async () => {
  const [main, report, plugin] = await Promise.all([
    import('deltalab'),
    import('deltalab/report'),
    import('deltalab/plugin'),
  ])
  for (const name of ['openPair', 'edit', 'merge', 'sweep', 'attribute', 'evaluate', 'inspect', 'tf'])
    assert.ok(name in main, `${name} is not exported`)
  for (const name of ['readResults', 'table', 'figure', 'printTable']) {
    assert.ok(name in report, `${name} is not exported by deltalab/report`)
    assert.equal((main as Record<string, unknown>)[name], (report as Record<string, unknown>)[name])
  }
  assert.equal(main.tf, plugin.tf)
  for (const path of ['deltalab/dist/src/edit/index.js', 'deltalab/src/edit/index.js', 'deltalab/edit'])
    await assert.rejects(import(path), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, path)
})

/** Exported name → where it is declared (null: in another package), followed through re-exports of the declarations in dist. */
function exportsOf(file: string): Map<string, { file: string; name: string } | null> {
  const text = readFileSync(file, 'utf8')
  const found = new Map<string, { file: string; name: string } | null>()
  const target = (path: string) => join(file, '..', path.replace(/\.js$/, '.d.ts'))
  for (const [, path] of text.matchAll(/^export \* from '(\.[^']+)';$/gm))
    for (const [name, place] of exportsOf(target(path!))) found.set(name, place)
  for (const [, name] of text.matchAll(/^export \* as (\w+) from '[^.'][^']*';?$/gm)) found.set(name!, null)
  for (const [, names, path] of text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';$/gm)) {
    const inner = path!.startsWith('.') ? exportsOf(target(path!)) : null
    for (const each of names!.split(',').filter((word) => word.trim())) {
      const [name, shown = name] = each
        .trim()
        .replace(/^type /, '')
        .split(' as ')
      found.set(shown!, inner?.has(name!) ? inner.get(name!)! : inner && { file, name: name! })
    }
  }
  for (const [, name] of text.matchAll(
    /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|const|class|interface|type|enum) (\w+)/gm,
  ))
    found.set(name!, { file, name: name! })
  return found
}

test('every exported thing has a docstring', () => {
  const bare: string[] = []
  for (const door of ['index', 'report', 'plugin']) {
    const exported = exportsOf(join(packageRoot, 'dist/src', `${door}.d.ts`))
    assert.ok(exported.size > 5, `${door} exports ${exported.size} things`)
    for (const [shown, place] of exported) {
      if (!place) continue
      const text = readFileSync(place.file, 'utf8')
      const declared = new RegExp(
        `(\\*/\\n)?^export (?:declare )?(?:abstract )?(?:function\\*?|const|class|interface|type|enum) ${place.name}\\b`,
        'm',
      )
      if (!declared.exec(text)?.[1]) bare.push(`${shown} (${place.file.slice(packageRoot.length + 1)})`)
    }
  }
  assert.deepEqual([...new Set(bare)], [])
})

test('the declarations import what a user has: the packages that are installed with this one', () => {
  const files = new Set(['index', 'report', 'plugin'].map((door) => join(packageRoot, 'dist/src', `${door}.d.ts`)))
  const packages = new Set<string>()
  for (const file of files)
    for (const [, to] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom |\bimport\()['"]([^'"]+)['"]/g))
      if (to!.startsWith('.')) files.add(join(file, '..', to!.replace(/\.js$/, '.d.ts')))
      else packages.add(to!)
  const { dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  assert.ok(packages.has('zod'))
  assert.deepEqual(
    [...packages].filter((name) => !(name in dependencies)),
    [],
  )
})

/** What the compiler says of one file of a user's project that has deltalab in its node_modules, and of our declarations. */
function compile(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023', 'dom', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: [name] }))
  try {
    execFileSync(process.execPath, [join(packageRoot, 'node_modules/typescript-7/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    return ''
  } catch (error) {
    // The declarations of TensorFlow.js do not compile without skipLibCheck; ours must.
    const lines = (error as { stdout: string }).stdout.split('\n')
    return lines.filter((line) => line && !/^(\s|.*node_modules\/(?!deltalab\/))/.test(line)).join('\n')
  }
}

test('the declarations compile under the strictest options, and say what is wrong', () => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(packageRoot, join(folder, 'node_modules/deltalab'))
  symlinkSync(join(packageRoot, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  const text = `
import { attribute, edit, editDelta, figure, inspect, openPair, readResults, sweep, table, tf } from 'deltalab'
import type { EditorEntry, Row } from 'deltalab'
export async function use(): Promise<number> {
  await using pair = await openPair('base', 'post')
  const entry: EditorEntry = { editor: 'dare', drop_rate: 0.9, tensors: { include: ['linear'] } }
  const { kept } = await edit(pair, entry, { out: 'edited', seed: 1 })
  const { terms } = await attribute({ base: 'base', post: 'post' }, entry, { task: 'math' })
  const edited: Float32Array = await editDelta(new Float32Array(6), [2, 3], entry)
  const { rows } = await sweep('experiment.yaml', { jobs: 1, onRow: (row: Row) => console.log(row.loss_change) })
  const { done } = await sweep('experiment.yaml', { shard: { index: 3, count: 16 } })
  const made = table(rows, { by: ['label'] })
  const { svg } = await figure(await readResults('results'), { x: 'drop_rate' })
  const { tensors } = await inspect(pair)
  const ones: tf.Tensor2D = tf.ones([2, 2])
  return ones.shape[0] + done + kept + (terms[0]?.term ?? 0) + edited.length + tf.memory().numTensors + made.lines.length + svg.length + tensors.length
}
`
  assert.equal(compile('right.ts', text), '')
  assert.match(
    compile('wrong.ts', text.replace("out: 'edited', seed: 1", "out: 'edited', sed: 1")),
    /'sed' does not exist/,
  )
})
