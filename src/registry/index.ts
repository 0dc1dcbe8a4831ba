// Editors, mergers and tasks by name, those of plugins too.

export type { Contribution } from './contribution.js'
export { loadPlugin, type Plugin, type PluginModule } from './plugin.js'
export {
  BUILT_IN,
  hashesOf,
  makeRegistry,
  type PluginSource,
  type Registry,
  reopenRegistry,
  type UsedNames,
} from './registry.js'
