// Editors, mergers and tasks by name, those of plugins too.

export { type Plugin, type PluginModule, readPlugin } from './plugin.js'
export {
  BUILT_IN,
  describePlugins,
  hashesOf,
  makeRegistry,
  modulesOf,
  objectsAmong,
  type PluginSource,
  type Registry,
  reopenRegistry,
  resolvePlugins,
  type UsedNames,
} from './registry.js'
