// What a sweep says of the rows that an earlier start of another config left: how many stay, and which cannot be reused and why:
// the key of the config, the file or the version that has changed, from what to what.
import { type Experiment, experimentSchema } from '../config/index.js'
import { firstFew } from '../errors/index.js'
import { packageVersion } from '../files/index.js'
import type { Run } from '../plan/index.js'
import { type Before, type Meta, type Row, type Store, unusedFolder } from '../record/index.js'
import { plannedColumns } from '../run/index.js'
import { parseYaml } from '../yaml/index.js'

/** `1 row`, `2 rows`. */
export const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`

/** Number of changes that a sentence names. */
const NAMED = 4

/** Sentences about the rows of earlier starts; none for a new folder, and for the same config and version. */
export function describeReuse(store: Store, experiment: Experiment, runs: readonly Run[]): string[] {
  const { folder, before, found, meta, collected } = store
  const now = packageVersion()
  const versions = [meta.environment, ...(meta.earlier ?? [])].map(({ deltalab }) => deltalab)
  const others = [...new Set(versions)].filter((version) => version !== now)
  const old =
    found.size && others.length ? [`${folder}: rows of deltalab ${others.join(', ')} stay; this is ${now}`] : []
  if (collected.shards)
    old.unshift(`${folder}: ${count(collected.rows, 'row')} of ${count(collected.shards, 'shard')} collected`)
  if (collected.left)
    old.unshift(
      `${folder}: ${count(collected.left, 'row')} of shards cannot be used by this config and these inputs: kept in ${unusedFolder(folder)}`,
    )
  if (!before) return old
  const fresh = runs.filter(({ id }) => !found.has(id))
  const reasons = reasonsOf(before, experiment, fresh)
  const groups = new Map<string, number>()
  for (const { row, reasons: known } of before.left) {
    const words = shorten(known.length ? known : (reasons.get(row.id) ?? []))
    groups.set(words, (groups.get(words) ?? 0) + 1)
  }
  const said = [...groups].map(([words, number]) =>
    words === ''
      ? `${folder}: ${count(number, 'row')} ${number === 1 ? 'is' : 'are'} not asked for any more`
      : `${folder}: ${count(number, 'row')} cannot be reused: ${words}`,
  )
  return [
    `${folder}: ${found.size} of ${count(runs.length, 'run')} ${found.size === 1 ? 'has its' : 'have their'} row from an earlier start, ${fresh.length} to do`,
    ...old,
    ...said,
    ...(said.length ? [`rows that are not used are kept in ${unusedFolder(folder)}; --prune deletes them`] : []),
  ]
}

const shorten = (reasons: readonly string[]): string => firstFew(reasons, NAMED, '; ')

/** Columns that make a run another one. */
const KEY = ['model', 'task', 'editor', 'merger', 'merged', 'options', 'seed'] as const
/** Columns that may differ between a row and the run that takes its place, and how a config names them. */
const NAMES = { label: 'label', on: 'on', selection: 'tensors' } as const
const OTHERS = Object.keys(NAMES) as (keyof typeof NAMES)[]

type Columns = Pick<Row, (typeof KEY)[number] | (typeof OTHERS)[number]>

/** Why rows do not stand for runs that are the same by their options, by the id of the row. */
function reasonsOf(
  { left, meta, config }: Before,
  experiment: Experiment,
  fresh: readonly Run[],
): Map<string, string[]> {
  const places = new Map<string, Columns[]>()
  for (const run of fresh) {
    const columns = plannedColumns(experiment.name, run)
    const key = keyOf(columns)
    places.set(key, [...(places.get(key) ?? []), columns])
  }
  const reasons = new Map<string, string[]>()
  const changes = left.length && places.size ? changesBetween(meta, config, experiment, fresh) : () => []
  for (const { row } of left) {
    const alike = places.get(keyOf(row)) ?? []
    const same = alike.find((columns) => OTHERS.every((name) => columns[name] === row[name]))
    const near = same ?? alike[0]
    if (!near) continue
    const seen = OTHERS.filter((name) => near[name] !== row[name])
    const words = [...seen.map((name) => `${NAMES[name]} was ${row[name]}, is ${near[name]}`), ...changes(row)]
    reasons.set(row.id, words.length ? words : ['a setting that the config does not name'])
  }
  return reasons
}

const keyOf = (columns: Columns): string => JSON.stringify(KEY.map((name) => columns[name]))

/** What differs between the earlier config and provenance and those of now, for the model and the task of a row. */
function changesBetween(meta: Meta, config: string, experiment: Experiment, runs: readonly Run[]) {
  const [before, now] = [settingsOf(config), settingsOf(experiment.text)]
  const all = differences(before.all, now.all)
  const hashes = new Map(experiment.registry.plugins.map(({ name, sha256 }) => [name, sha256]))
  const plugins = (meta.plugins ?? [])
    .filter(({ name, sha256 }) => hashes.get(name) !== sha256)
    .map(({ name }) => `the plugin ${name} ${hashes.has(name) ? 'has other code' : 'is gone'}`)
  const versions = new Map(runs.map(({ task }) => [task.name, task.version]))
  const ofTask = (name: string) =>
    differences(flat({ version: meta.tasks[name]?.version }), flat({ version: versions.get(name) }))
  const ofModel = (name: string) => {
    const [old, own] = [before.models.get(name) ?? [], now.models.get(name) ?? []]
    const texts = (models: readonly Settings[]) => models.map((model) => JSON.stringify([...model]))
    const [gone, added] = [
      old.filter((_, i) => !texts(own).includes(texts(old)[i]!)),
      own.filter((_, i) => !texts(old).includes(texts(own)[i]!)),
    ]
    return gone.length === added.length ? gone.flatMap((model, i) => differences(model, added[i]!)) : []
  }
  return ({ model, task }: Row): string[] => [
    ...all,
    ...ofModel(model).map((words) => `models.${model}.${words}`),
    ...ofTask(task).map((words) => `task ${task}: ${words}`),
    ...plugins,
  ]
}

/** Values by key, as JSON. */
type Settings = Map<string, string>

/** Settings that all rows, and those that all rows of a model, depend on. Empty where the text is not of this version. */
function settingsOf(text: string): { all: Settings; models: Map<string, Settings[]> } {
  const models = new Map<string, Settings[]>()
  try {
    const { score, loss, data, models: listed } = parseYaml(text, 'config.yaml', experimentSchema).value
    for (const { name, tasks: _, ...model } of listed) models.set(name, [...(models.get(name) ?? []), flat(model)])
    return { all: flat({ score, loss, data }), models }
  } catch {
    return { all: new Map(), models }
  }
}

function flat(value: object, into: Settings = new Map(), start = ''): Settings {
  for (const [name, inner] of Object.entries(value))
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) flat(inner, into, `${start}${name}.`)
    else if (inner !== undefined) into.set(start + name, JSON.stringify(inner))
  return into
}

const differences = (before: Settings, now: Settings): string[] =>
  [...new Set([...before.keys(), ...now.keys()])]
    .filter((key) => before.get(key) !== now.get(key))
    .map((key) => `${key} was ${before.get(key) ?? 'absent'}, is ${now.get(key) ?? 'absent'}`)
