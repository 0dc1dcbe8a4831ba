// One plugin: a module of the user's own whose default export is an editor, a merger, a task, or a list of them.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { checkFile } from '../schema/index.js'
import { bundleModule, importCode } from './bundle.js'
import { type Contribution, contributionsOf } from './contribution.js'

/** A plugin without what it adds: plain data, so that it can be handed to a worker thread. */
export interface PluginModule {
  /** Absolute path of the module. */
  readonly file: string
  /** The module with its local imports, as JavaScript. */
  readonly code: string
  /** SHA-256 of the module and of every local file that it imports. */
  readonly sha256: string
}

/** What a plugin adds, and what it was made of. */
export interface Plugin {
  /** Null for an object that was given in code. */
  readonly module: PluginModule | null
  /** What records call it: the name of the file, or `code`. */
  readonly name: string
  /** SHA-256 of the module with its local imports; of an object, of the text of its functions. */
  readonly sha256: string
  readonly contributions: readonly Contribution[]
}

const ENDINGS = ['.ts', '.mts', '.js', '.mjs']

/**
 * Loads a module. It runs with the rights of the user. TypeScript is compiled without a check of its types; `deltalab`, its
 * doors and `zod` are those of the running program, wherever the module lies.
 *
 * @throws UserError for a file that is not there, cannot be read or run, or exports something else, with its path and line
 */
export async function readPlugin(path: string): Promise<Plugin> {
  checkFile(path)
  if (!ENDINGS.includes(extname(path)))
    throw new UserError(`${path}: a plugin is a TypeScript or JavaScript module (${ENDINGS.join(', ')})`)
  const file = resolve(path)
  const { code, files } = await bundleModule(file)
  const hash = createHash('sha256')
  for (const name of files) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(dirname(file), name)))
      .update('\0')
  }
  return openPlugin({ file, code, sha256: hash.digest('hex') }, path)
}

/** Runs a module that `readPlugin` read. @param path what errors call it */
export async function openPlugin(module: PluginModule, path: string = module.file): Promise<Plugin> {
  const name = basename(module.file)
  const value = await importCode(module.code, module.file, path)
  const plugin = { module, name, sha256: module.sha256, contributions: await contributionsOf(value, path) }
  for (const contribution of plugin.contributions) origins.set(contribution.value, plugin)
  return plugin
}

/** Plugins by what they add. */
const origins = new WeakMap<object, Plugin>()

/** The plugin that an editor, merger or task was loaded with; undefined for an object that was made in code. */
export const originOf = (object: object): Plugin | undefined => origins.get(object)
