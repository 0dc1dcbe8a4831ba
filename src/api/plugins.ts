// Editors, mergers and tasks as code gives them: by name, by the path of a module, or as objects.
import { type Editor, isEditor } from '../editors/index.js'
import { isMerger, type Merger } from '../mergers/index.js'
import { BUILT_IN, makeRegistry, type PluginSource, type Registry, readPlugin } from '../registry/index.js'
import { isTask, type TaskCard } from '../tasks/index.js'

/** What most functions take. */
export interface PluginOptions {
  /** Modules (paths relative to the current folder) or objects that add editors, mergers and tasks. The code of a module runs. */
  plugins?: readonly PluginSource[] | undefined
}

/** What a module adds: the editors, mergers and tasks of its default export. */
export interface LoadedPlugin {
  /** Editors that it adds. */
  editors: Editor[]
  /** Mergers that it adds. */
  mergers: Merger[]
  /** Tasks that it adds. */
  tasks: TaskCard[]
}

/**
 * Loads a plugin, for a test of it or for use as objects. TypeScript is compiled on Node.js of any version; the code runs.
 *
 * @param path of the module, relative to the current folder
 * @throws UserError for a module that cannot be read or run, or that exports something else, with path and line
 */
export async function loadPlugin(path: string): Promise<LoadedPlugin> {
  const { contributions } = await readPlugin(path)
  return {
    editors: contributions.flatMap((each) => (each.kind === 'editor' ? [each.value] : [])),
    mergers: contributions.flatMap((each) => (each.kind === 'merger' ? [each.value] : [])),
    tasks: contributions.flatMap((each) => (each.kind === 'task' ? [each.value] : [])),
  }
}

const isObject = (value: unknown): value is Exclude<PluginSource, string> =>
  isEditor(value) || isMerger(value) || isTask(value)

/** The same settings with names where objects of plugins stand, and these objects. */
export function nameObjects<T>(settings: T): { named: T; objects: PluginSource[] } {
  const objects: PluginSource[] = []
  const nameIn = (value: unknown): unknown => {
    if (isObject(value)) {
      if (![...BUILT_IN.editors, ...BUILT_IN.mergers].some((known) => known === value)) objects.push(value)
      return value.name
    }
    if (Array.isArray(value)) return value.map(nameIn)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, nameIn(inner)]))
  }
  return { named: nameIn(settings) as T, objects }
}

/** The registry for these settings. @throws UserError for a plugin that cannot be loaded, or a name that is taken */
export async function registryFor<T>(
  settings: T,
  { plugins = [] }: PluginOptions,
): Promise<{ named: T; registry: Registry }> {
  const { named, objects } = nameObjects(settings)
  return { named, registry: await makeRegistry([...plugins, ...objects]) }
}
