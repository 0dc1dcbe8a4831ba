// Editors, mergers and tasks as code gives them: by name, by the path of a module, or as objects.
import { isEditor } from '../editors/index.js'
import { isMerger } from '../mergers/index.js'
import { BUILT_IN, makeRegistry, type PluginSource, type Registry } from '../registry/index.js'
import { isTask } from '../tasks/index.js'

/** What most functions take. */
export interface PluginOptions {
  /** Modules (paths relative to the current folder) or objects that add editors, mergers and tasks. The code of a module runs. */
  plugins?: readonly PluginSource[] | undefined
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
