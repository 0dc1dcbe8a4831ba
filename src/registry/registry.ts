// The registry: every editor, merger and task that a command knows by name. It is made once, at the door, and passed down.
import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { type Editor, editors, type Options, type Step } from '../editors/index.js'
import { findNamed, UserError } from '../errors/index.js'
import { type Merger, mergers } from '../mergers/index.js'
import { placeIn } from '../schema/index.js'
import type { TaskCard } from '../tasks/index.js'
import { type Contribution, contributionsOf } from './contribution.js'
import { openPlugin, originOf, type Plugin, type PluginModule, readPlugin } from './plugin.js'

/** Every editor, merger and task by name: those of deltalab, then those of plugins. */
export interface Registry {
  readonly editors: readonly Editor[]
  readonly mergers: readonly Merger[]
  /** Of plugins alone; the shipped tasks are files. */
  readonly tasks: readonly TaskCard[]
  readonly plugins: readonly Plugin[]
  /** @throws UserError with the nearest name */
  editor(name: string): Editor
  /** @throws UserError with the nearest name */
  merger(name: string): Merger
  /** Steps with their editors in place of names. */
  steps(named: readonly { readonly editor: string; readonly options: Options }[]): Step[]
}

function registryOf(plugins: readonly Plugin[]): Registry {
  const all = plugins.flatMap(({ contributions }) => contributions)
  const added = {
    editors: all.flatMap((each) => (each.kind === 'editor' ? [each.value] : [])),
    mergers: all.flatMap((each) => (each.kind === 'merger' ? [each.value] : [])),
    tasks: all.flatMap((each) => (each.kind === 'task' ? [each.value] : [])),
  }
  const known = { editors: [...editors, ...added.editors], mergers: [...mergers, ...added.mergers], tasks: added.tasks }
  const editor = (name: string) => {
    refuseMixed(
      name,
      ['an editor', known.editors],
      ['a merger: it stands in a merge file, or under merges', known.mergers],
    )
    return findNamed('editor', name, known.editors)
  }
  const merger = (name: string) => {
    refuseMixed(name, ['a merger', known.mergers], ['an editor: it changes one delta', known.editors])
    return findNamed('merger', name, known.mergers)
  }
  return {
    ...known,
    plugins,
    editor,
    steps: (named) => named.map((step) => ({ editor: editor(step.editor), options: step.options })),
    merger,
  }
}

type Kind = readonly [what: string, all: readonly { readonly name: string }[]]

/** @throws UserError for the name of one kind where another is wanted */
function refuseMixed(name: string, [wanted, right]: Kind, [other, wrong]: Kind): void {
  const is = (list: Kind[1]) => list.some((each) => each.name === name)
  if (!is(right) && is(wrong)) throw new UserError(`${name} is not ${wanted}, but ${other}`)
}

/** What deltalab has without plugins. */
export const BUILT_IN: Registry = registryOf([])

/**
 * What a user gives as a plugin: the path of a module, or an editor, merger or task itself. One that `loadPlugin` gave is its
 * whole module.
 */
export type PluginSource = string | Editor | Merger | TaskCard

/**
 * A registry with what the plugins add; one that is given twice counts once.
 * @throws UserError for a module that cannot be loaded (see readPlugin), and for a name that is taken
 */
export async function makeRegistry(sources: readonly PluginSource[]): Promise<Registry> {
  const once = new Map<unknown, Plugin>()
  for (const source of sources) {
    const loaded = typeof source === 'string' ? undefined : originOf(source)
    const key = typeof source === 'string' ? resolve(source) : (loaded?.module?.file ?? source)
    if (!once.has(key))
      once.set(key, typeof source === 'string' ? await readPlugin(source) : (loaded ?? (await pluginOf(source))))
  }
  const plugins = [...once.values()]
  if (plugins.length === 0) return BUILT_IN
  await checkNames(plugins)
  return registryOf(plugins)
}

/** The modules of all plugins, for `reopenRegistry`; null where one is an object, which cannot leave its thread. */
export function modulesOf({ plugins }: Registry): PluginModule[] | null {
  const modules = plugins.flatMap(({ module }) => module ?? [])
  return modules.length === plugins.length ? modules : null
}

/** Paths of plugins as a file gives them, relative to it. */
export const resolvePlugins = (file: string, paths: readonly string[]): string[] =>
  paths.map((path) => placeIn(dirname(file), path))

/** The registry of another thread: its plugins run again, from the same code. */
export async function reopenRegistry(modules: readonly PluginModule[]): Promise<Registry> {
  const plugins: Plugin[] = []
  for (const module of modules) plugins.push(await openPlugin(module))
  return plugins.length ? registryOf(plugins) : BUILT_IN
}

/**
 * An object of the calling program as a plugin. Its hash is that of the text of its functions. What these refer to is not in it,
 * so a sweep repeats the runs with such an object.
 */
async function pluginOf(object: Exclude<PluginSource, string>): Promise<Plugin> {
  const [{ kind, value }] = (await contributionsOf(object, 'plugins')) as [Contribution]
  const text = JSON.stringify([kind, value], (_, inner: unknown) =>
    typeof inner === 'function' ? String(inner) : inner,
  )
  return {
    module: null,
    name: 'code',
    sha256: createHash('sha256').update(text).digest('hex'),
    contributions: [{ kind, value } as Contribution],
  }
}

async function checkNames(plugins: readonly Plugin[]): Promise<void> {
  const { listTaskNames } = await import('../tasks/index.js')
  const owners = new Map<string, string>()
  const take = (kind: string, name: string, owner: string) => {
    const word = `${kind} ${name}`
    const first = owners.get(word)
    if (first !== undefined)
      throw new UserError(`${owner}: the name of ${word} is taken by ${first}; give it another name`)
    owners.set(word, owner)
  }
  for (const { name } of editors) take('editor', name, 'deltalab')
  for (const { name } of mergers) take('merger', name, 'deltalab')
  for (const name of listTaskNames()) take('task', name, 'deltalab')
  for (const { module, contributions } of plugins)
    for (const { kind, value } of contributions) take(kind, value.name, module?.file ?? 'an object given in code')
}

/** What a run uses, by name. */
export interface UsedNames {
  readonly editors?: readonly string[]
  readonly mergers?: readonly string[]
  readonly tasks?: readonly string[]
}

/** The plugins that these names come from. */
function usedPlugins({ plugins }: Registry, { editors = [], mergers = [], tasks = [] }: UsedNames): Plugin[] {
  const used = { editor: editors, merger: mergers, task: tasks }
  return plugins.filter(({ contributions }) => contributions.some(({ kind, value }) => used[kind].includes(value.name)))
}

/** Sorted SHA-256 of the plugins that these names come from: part of what identifies a run. Empty where deltalab has them all. */
export const hashesOf = (registry: Registry, names: UsedNames): string[] =>
  usedPlugins(registry, names)
    .map(({ sha256 }) => sha256)
    .sort()

/** Those of these names that are objects made in code, with their kinds. */
export const objectsAmong = (registry: Registry, names: UsedNames): string[] =>
  usedPlugins(registry, names)
    .filter(({ module }) => !module)
    .flatMap(({ contributions }) => contributions.map(({ kind, value }) => `${kind} ${value.name}`))

/** File names and SHA-256 of the plugins that these names come from, for the provenance of a checkpoint; no key without any. */
export function describePlugins(
  registry: Registry,
  names: UsedNames,
): { plugins?: { name: string; sha256: string }[] } {
  const plugins = usedPlugins(registry, names).map(({ name, sha256 }) => ({ name, sha256 }))
  return plugins.length ? { plugins } : {}
}
