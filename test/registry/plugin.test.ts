// Plugins: TypeScript and JavaScript modules that add editors, mergers and tasks; and every way that one can be wrong.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Editor, editors } from '../../src/editors/index.js'
import * as plugin from '../../src/plugin.js'
import { BUILT_IN, hashesOf, makeRegistry, readPlugin } from '../../src/registry/index.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'plugins-')))
after(() => rmSync(folder, { recursive: true }))

/** Writes a module into the folder, which lies outside any node_modules. */
function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

/** An editor that multiplies by a factor. */
const scale = (name: string, line = '') => `
import { defineEditor, tf, z } from 'deltalab/plugin'
${line}
export default defineEditor({
  name: '${name}',
  cite: 'none',
  options: z.strictObject({ factor: z.number().min(0).max(4).default(1).describe('What the delta is multiplied by.') }),
  neutral: { factor: 1 },
  edit: (delta, { options }) => tf.mul(delta, options.factor),
})
`

test('a TypeScript module shares the TensorFlow.js and the zod of the program', async () => {
  write('lib/half.ts', `import { zero } from './zero.cjs'\nexport const half = (n: number): number => n / 2 + zero\n`)
  write('lib/zero.cjs', 'exports.zero = 0\n')
  write('numbers.json', '{"seven": 7}')
  const path = write(
    'shares.ts',
    scale(
      'shares',
      "import { half } from './lib/half.js'\nimport numbers from './numbers.json'\nenum Sort { one = 1 }",
    ).replace(
      "cite: 'none'",
      'cite: String(half(4) + numbers.seven + Sort.one), title: String(tf === (globalThis as any).tfOfTest && z === (globalThis as any).zOfTest)',
    ),
  )
  Object.assign(globalThis, { tfOfTest: plugin.tf, zOfTest: plugin.z })
  const { contributions, name, sha256 } = await readPlugin(path)
  assert.equal(name, 'shares.ts')
  assert.match(sha256, /^[0-9a-f]{64}$/)
  const [added] = contributions
  assert.equal(added?.kind, 'editor')
  const value = added!.value as unknown as Record<string, unknown>
  assert.equal(value.cite, '10')
  assert.equal(value.title, 'true', 'tf and z are those of the program')
})

test('the hash follows the module and every local file that it imports, not its place', async () => {
  const before = await readPlugin(join(folder, 'shares.ts'))
  assert.equal((await readPlugin(join(folder, 'shares.ts'))).sha256, before.sha256)
  write('lib/zero.cjs', 'exports.zero = 0.0\n')
  assert.notEqual(
    (await readPlugin(join(folder, 'shares.ts'))).sha256,
    before.sha256,
    'a CommonJS file two imports away',
  )
  write('lib/zero.cjs', 'exports.zero = 0\n')
  write('numbers.json', '{"seven": 8}')
  const after = await readPlugin(join(folder, 'shares.ts'))
  assert.notEqual(after.sha256, before.sha256, 'a JSON file')
  assert.equal((after.contributions[0]!.value as { cite?: string }).cite, '11', 'the file is read anew')
  write('one/plain.ts', scale('plain'))
  write('two/plain.ts', scale('plain'))
  assert.equal(
    (await readPlugin(join(folder, 'one/plain.ts'))).sha256,
    (await readPlugin(join(folder, 'two/plain.ts'))).sha256,
  )
})

test('a registry has the editors of deltalab, then those of the plugins; each plugin counts once', async () => {
  const path = write('scale.ts', scale('scale'))
  const registry = await makeRegistry([path, join(folder, 'one/../scale.ts')])
  assert.deepEqual(
    registry.editors.map(({ name }) => name),
    [...editors.map(({ name }) => name), 'scale'],
  )
  assert.equal(registry.editor('scale').axis, 'factor')
  assert.throws(() => registry.editor('scal'), /unknown editor "scal"; did you mean "scale"\?/)
  assert.throws(() => registry.merger('scale'), /^UserError: scale is not a merger, but an editor/)
  const sha256 = registry.plugins[0]!.sha256
  assert.deepEqual(hashesOf(registry, { editors: ['dare', 'scale'] }), [sha256])
  assert.deepEqual(hashesOf(registry, { editors: ['dare'], mergers: ['scale'] }), [])
  assert.equal(await makeRegistry([]), BUILT_IN)
})

test('objects can be given in place of modules', async () => {
  const { value } = (await readPlugin(join(folder, 'scale.ts'))).contributions[0]!
  const registry = await makeRegistry([value])
  assert.equal(registry.editor('scale').edit, (value as Editor).edit)
  const other = { ...value, edit: () => 1 } as unknown as typeof value
  assert.notEqual((await makeRegistry([other])).plugins[0]!.sha256, registry.plugins[0]!.sha256)
})

test('what is wrong with a plugin is said in one line, with its place', async () => {
  const cases: [name: string, text: string, message: RegExp][] = [
    ['syntax.ts', 'export default {\n  name: "x",\n  a: = 3\n}\n', /syntax\.ts:3:6: Unexpected "="/],
    ['throws.ts', '\n\nthrow new TypeError("boom\\nsecond line")\n', /throws\.ts:3: cannot be loaded \(boom\)/],
    ['none.ts', 'export const editor = 1\n', /none\.ts: has no default export; a plugin exports an editor/],
    ['empty.ts', 'export default []\n', /empty\.ts: its default export is an empty list/],
    ['number.ts', 'export default [7]\n', /number\.ts: its default export must be an editor.*; got 7/],
    ['object.ts', 'export default { name: "x" }\n', /object\.ts: .*; got an object with name/],
    [
      'missing.ts',
      'import { a } from "./nowhere.js"\nexport default a\n',
      /missing\.ts:1:\d+: Could not resolve "\.\/nowhere\.js"/,
    ],
    ['loose.ts', scale('loose').replace('strictObject', 'object'), /loose\.ts: .*strict/],
    ['badname.ts', scale('bad name'), /badname\.ts: .*name/],
    ['taken.ts', scale('dare'), /taken\.ts: the name of editor dare is taken by deltalab/],
    ['list.txt', '', /list\.txt: a plugin is a TypeScript or JavaScript module/],
  ]
  for (const [name, text, message] of cases) {
    const path = write(name, text)
    await assert.rejects(makeRegistry([path]), (error: Error) => {
      assert.equal(error.name, 'UserError', `${name}: ${error.stack}`)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  }
  await assert.rejects(makeRegistry([folder]), /is a folder; a file is wanted/)
  await assert.rejects(makeRegistry([join(folder, 'nowhere.ts')]), /nowhere\.ts: no such file/)
  await assert.rejects(
    makeRegistry([join(folder, 'one/plain.ts'), join(folder, 'two/plain.ts')]),
    /two\/plain\.ts: the name of editor plain is taken by .*one\/plain\.ts/,
  )
})
