// Editors, mergers and tasks by name, those of plugins too.

export type { Contribution } from './contribution.js'
export { loadPlugin, type Plugin, type PluginModule } from './plugin.js'
export {
  BUILT_IN,
  hashesOf,
  makeRegistry,
  modulesOf,
  type PluginSource,
  type Registry,
  reopenRegistry,
  resolvePlugins,
  type UsedNames,
} from './registry.js'
