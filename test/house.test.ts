// The rules of the house that a machine can keep: floors, rooms without TensorFlow.js, first comments, sizes.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../src/files/index.js'

interface Source {
  /** Path below src, e.g. `loss/riemann.ts`. */
  path: string
  room: string
  text: string
  lines: string[]
  /** Files below src that it imports, and packages. */
  files: string[]
  packages: string[]
}

const files = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  (path) => path.endsWith('.ts') && !path.endsWith('.d.ts'),
)
/** The doors of the package (`src/index.ts`, …) stand above all rooms. */
const isDoor = (path: string): boolean => !path.includes('/')
const all = files.map(readSource)
const sources = all.filter(({ path }) => !isDoor(path))
const byPath = new Map(all.map((source) => [source.path, source]))

function readSource(path: string): Source {
  const text = readFileSync(join(packageRoot, 'src', path), 'utf8')
  const specifiers = [
    ...text.matchAll(
      /(?:^|[^.\w])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|import\(\s*['"`]([^'"`]+)['"`]|^import\s*['"]([^'"]+)['"]/gm,
    ),
  ].map(([, one, two, three]) => one ?? two ?? three ?? '')
  const local = (specifier: string) => normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts')
  return {
    path,
    room: path.split('/')[0]!,
    text,
    lines: text.split('\n').slice(0, -1),
    files: specifiers.filter((each) => each.startsWith('.')).map(local),
    packages: specifiers.filter((each) => !each.startsWith('.') && !each.startsWith('node:')),
  }
}

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

test('the reader of imports sees static, type-only, re-exporting and dynamic ones', () => {
  const main = byPath.get('sweep/worker.ts')!
  assert.ok(main.files.includes('tensor/index.ts') && main.files.includes('config/index.ts'))
  assert.ok(byPath.get('cli/commands/sweep.ts')!.files.includes('report/index.ts'))
  assert.ok(byPath.get('record/index.ts')!.files.includes('record/row.ts'))
  assert.ok(byPath.get('tensor/backend.ts')!.packages.includes('@tensorflow/tfjs'))
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

test('a file says in its first line what it is for', () => {
  const silent = all.filter(({ lines }) => !/^(\/\/|\/\*)/.test(lines[0]!.startsWith('#!') ? lines[1]! : lines[0]!))
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  )
})

test('no file has more than 400 lines, no command 110', () => {
  const long = sources.filter(
    ({ lines, room, text }) =>
      lines.length > 400 || (room === 'cli' && /^export const command\b/m.test(text) && lines.length >= 110),
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
