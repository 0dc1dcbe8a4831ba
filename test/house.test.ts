// The rules of the house that a machine can keep: floors, rooms without TensorFlow.js, first comments, sizes.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../src/files/index.js'
import { findCircles, readSource, readSources, type Source } from './house/source.js'

const all = readSources()
const sources = all.filter(({ path }) => path.includes('/'))
const byPath = new Map(all.map((source) => [source.path, source]))

/** Room → floor, from the table of CONTRIBUTING.md. */
function readFloors(): Map<string, number> {
  const rows = readFileSync(join(packageRoot, 'CONTRIBUTING.md'), 'utf8').matchAll(/^\| (\d) \| (.*) \|$/gm)
  return new Map(
    [...rows].flatMap(([, floor, rooms]) =>
      [...rooms!.matchAll(/`(\w+)`/g)].map(([, room]) => [room!, Number(floor)] as const),
    ),
  )
}

/** Everything that a file imports, directly or not. */
function reach(start: Source): Source[] {
  const seen = new Set([start])
  for (const source of seen) for (const path of source.files) if (byPath.has(path)) seen.add(byPath.get(path)!)
  return [...seen]
}

test('the reader of imports sees static, type-only, re-exporting, dynamic and required ones', () => {
  const main = byPath.get('sweep/worker.ts')!
  assert.ok(main.files.includes('tensor/index.ts') && main.files.includes('run/index.ts'))
  assert.ok(byPath.get('cli/commands/sweep.ts')!.files.includes('report/index.ts'))
  assert.ok(byPath.get('record/index.ts')!.files.includes('record/row.ts'))
  assert.ok(byPath.get('tensor/index.ts')!.files.includes('tensor/tf.js'))
  assert.ok(byPath.get('tensor/tf.js')!.packages.includes('@tensorflow/tfjs'))
  const { loads } = readSource(
    'a/x.ts',
    "import type { A } from 'a'\nexport * from 'b'\nimport { c } from 'node:c'\nvoid import('d')\n",
  )
  assert.deepEqual(loads, ['b'])
})

test('a room imports from lower floors only', () => {
  const floors = readFloors()
  const rooms = [...new Set(sources.map((source) => source.room))].sort()
  assert.deepEqual(
    rooms.filter((room) => !floors.has(room)),
    [],
    'rooms without a floor in CONTRIBUTING.md',
  )
  assert.deepEqual(
    [...floors.keys()].filter((room) => !rooms.includes(room)),
    [],
    'floors without a room',
  )
  const up = sources.flatMap((source) =>
    source.files
      .filter(
        (path) =>
          ![source.room, 'errors', 'schema'].includes(path.split('/')[0]!) &&
          !(floors.get(path.split('/')[0]!)! < floors.get(source.room)!),
      )
      .map((path) => `${source.path} imports ${path}`),
  )
  assert.deepEqual(up, [])
})

test('every imported file is there', () => {
  assert.deepEqual(
    sources.flatMap((source) =>
      source.files.filter((path) => !path.includes('$') && !byPath.has(path)).map((path) => `${source.path} → ${path}`),
    ),
    [],
  )
})

test('TensorFlow.js is imported by tensor alone; record and report do not reach it, config does not name it', () => {
  const tf = (source: Source) => source.packages.some((name) => name.startsWith('@tensorflow/'))
  assert.deepEqual(
    sources.filter((source) => source.room !== 'tensor' && tf(source)).map(({ path }) => path),
    [],
  )
  for (const source of all.filter(({ room }) => ['record', 'report', 'report.ts'].includes(room))) {
    assert.deepEqual(
      reach(source)
        .filter(tf)
        .map(({ path }) => path),
      [],
      `reached from ${source.path}`,
    )
  }
  assert.deepEqual(
    sources
      .filter(({ room, files: all }) => room === 'config' && all.some((path) => path.startsWith('tensor/')))
      .map(({ path }) => path),
    [],
  )
})

test('what starts a command loads few packages: others are imported where they are used', () => {
  const bundle = join(packageRoot, 'dist', 'bundle')
  const textOf = (file: string): string => readFileSync(join(bundle, file), 'utf8')
  const found = (file: string, pattern: RegExp): string[] =>
    [...textOf(file).matchAll(pattern)].map(([, part]) => part!)
  /** Packages of the bundle that are loaded with its files. */
  const packagesOf = (...files: string[]): string[] => {
    const seen = new Set(files)
    for (const file of seen)
      for (const path of found(file, /^(?:import|\} from) "(\.[^"]+)";$/gm)) seen.add(join(dirname(file), path))
    const packages = [...seen].flatMap((file) => found(file, /^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm))
    return [...new Set(packages)].sort()
  }
  const call = readdirSync(bundle).find(
    (file) => file.endsWith('.js') && textOf(file).includes('"./commands/merge.js"'),
  )!
  /** The file of a command, and what it imports at once when it is called. */
  const commandFiles = (name: string): string[] => {
    const [file] = found(call, new RegExp(`"\\./commands/${name}\\.js": \\(\\) => import\\("\\./(.*?)"\\)`, 'g'))
    return [file!, ...found(file!, /import\("\.\/(.*?)"\)/g)]
  }
  assert.deepEqual(packagesOf('cli/main.js'), [])
  assert.deepEqual(
    packagesOf('cli/worker.js').filter(
      (name) => !/^(yargs.*|y18n|cliui|escalade|get-caller-file|.*width|wrap-ansi)$/.test(name),
    ),
    ['fastest-levenshtein'],
  )
  assert.deepEqual(packagesOf('stream/worker.js'), [])
  assert.deepEqual(packagesOf(...commandFiles('inspect')), ['csv-writer', 'fastest-levenshtein'])
  assert.deepEqual(packagesOf(commandFiles('merge')[0]!), ['fastest-levenshtein'])
  assert.deepEqual(packagesOf(...commandFiles('edit')), ['fastest-levenshtein', 'jsonc-parser', 'zod'])
  // Tables do without what draws.
  assert.deepEqual(packagesOf('report.js'), ['csv-writer', 'fastest-levenshtein', 'yaml', 'zod'])
})

test('a file says in its first line what it is for', () => {
  const silent = all.filter(({ lines }) => !/^(\/\/|\/\*)/.test(lines[0]!.startsWith('#!') ? lines[1]! : lines[0]!))
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  )
})

test('no files import each other in a circle, not even for their types', () => {
  const two = [readSource('a/x.ts', "import './y.js'\n"), readSource('a/y.ts', "export type { X } from './x.js'\n")]
  assert.deepEqual(findCircles(two), [['a/x.ts', 'a/y.ts']])
  assert.deepEqual(findCircles(all), [])
})

test('a room is entered through its index.ts', () => {
  const isFrontDoor = (file: string) => /^[^/]+(\/index)?\.ts$/.test(file)
  assert.deepEqual(
    all.flatMap(({ path, room, files }) =>
      files
        .filter((file) => !file.startsWith(`${room}/`) && !isFrontDoor(file))
        .map((file) => `${path} imports ${file}`),
    ),
    [],
  )
})

test('an exported name has one meaning', () => {
  // Every file of cli/commands exports the same four parts of a command.
  const parts = ['command', 'describe', 'builder', 'handler']
  const places = new Map<string, string[]>()
  for (const { path, exported } of all)
    for (const name of new Set(exported)) places.set(name, [...(places.get(name) ?? []), path])
  assert.deepEqual(
    [...places]
      .filter(([name, paths]) => paths.length > 1 && !parts.includes(name))
      .map(([name, paths]) => `${name}: ${paths.join(', ')}`),
    [],
  )
})

test('no function has more than four parameters, and none more than 60 lines without a reason above it', () => {
  const { functions } = readSource('x.ts', '// One piece: because.\nconst f = (a, b) => {\n  return a\n}\n')
  assert.deepEqual(functions, [{ place: 'x.ts:2', parameters: 2, lines: 3, comment: '// One piece: because.' }])
  const shapes = all.flatMap(({ functions }) => functions)
  assert.deepEqual(
    shapes
      .filter(({ parameters }) => parameters > 4)
      .map(({ place, parameters }) => `${place} has ${parameters} parameters`),
    [],
  )
  assert.deepEqual(
    shapes
      .filter(({ lines, comment }) => lines > 60 && !/\bone piece\b/i.test(comment))
      .map(({ place, lines }) => `${place} has ${lines} lines: split it, or say above it why it is "one piece"`),
    [],
  )
})

test('no file has more than 300 lines, no command 110', () => {
  const long = all.filter(
    ({ lines, room, text }) =>
      lines.length > 300 || (room === 'cli' && /^export const command\b/m.test(text) && lines.length >= 110),
  )
  assert.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines.length} lines`),
    [],
  )
})

test('no file is called after nothing, and none names a machine', () => {
  assert.deepEqual(
    sources
      .filter(({ path }) => /(^|\/|-)(utils?|helpers?|managers?|misc|common)(\.ts|\/|-)/.test(path))
      .map(({ path }) => path),
    [],
  )
  assert.deepEqual(
    sources.filter(({ text }) => /['"`](\/home|\/work|\/root|\/Users)\//.test(text)).map(({ path }) => path),
    [],
  )
})
