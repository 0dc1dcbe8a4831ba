// What a binding is made of: the sources of tfjs-node, and the headers of Node-API.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { TFJS_NODE } from '../tensor/index.js'
import { needTool } from '../tool/index.js'

/** Declares Node-API alone; for where a Node came without its headers. */
const HEADERS = { name: 'node-api-headers', version: '1.9.0' }

interface Package {
  name: string
  version: string
}

/**
 * The package tfjs-node with its sources: one that is installed, here or beside deltalab, else from the registry of npm.
 * @param scratch a folder for what is fetched
 */
export async function findSources(scratch: string): Promise<string> {
  const require = createRequire(import.meta.url)
  const places = [process.cwd(), dirname(require.resolve('@tensorflow/tfjs/package.json'))]
  for (const name of [TFJS_NODE.name, `${TFJS_NODE.name}-gpu`]) {
    const file = resolvePackage(require, `${name}/package.json`, places)
    if (file === null) continue
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as Package
    if (version === TFJS_NODE.version && existsSync(join(dirname(file), 'binding/tfjs_binding.cc')))
      return dirname(file)
  }
  return fetchPackage(TFJS_NODE, scratch)
}

function resolvePackage(require: NodeJS.Require, file: string, paths: string[]): string | null {
  try {
    return require.resolve(file, { paths })
  } catch {
    return null
  }
}

/** The headers of this Node: those beside it, those that node-gyp fetched for it, else Node-API's from the registry of npm. */
export async function findHeaders(scratch: string, node = process.execPath, caches = gypCaches()): Promise<string> {
  const places = [resolve(node, '../../include/node'), ...caches]
  const found = places.find((folder) => existsSync(join(folder, 'node_api.h')))
  return found ?? join(await fetchPackage(HEADERS, scratch), 'include')
}

/** Where node-gyp keeps headers. */
function gypCaches({ XDG_CACHE_HOME, HOME = '' }: NodeJS.ProcessEnv = process.env): string[] {
  const folder = join(XDG_CACHE_HOME || join(HOME, '.cache'), 'node-gyp')
  const versions = existsSync(folder) ? readdirSync(folder) : []
  return versions.map((version) => join(folder, version, 'include/node'))
}

/** Fetches one package by npm's own client, without what it depends on. No script of it runs. */
async function fetchPackage({ name, version }: Package, scratch: string): Promise<string> {
  const purpose = `npm cannot fetch ${name} ${version}`
  const words = [
    'npm',
    'pack',
    `${name}@${version}`,
    '--ignore-scripts',
    '--loglevel=error',
    '--pack-destination',
    scratch,
  ]
  const said = await needTool(purpose, words, { cwd: scratch })
  const archive = join(scratch, said.trim().split('\n').at(-1)!)
  if (!existsSync(archive))
    throw new UserError(`${purpose}: it says ${JSON.stringify(said.trim())} and no archive is there`)
  const folder = join(scratch, name.replace(/\W+/g, '-'))
  mkdirSync(folder)
  await needTool(`${archive} cannot be unpacked`, ['tar', '-xzf', archive, '-C', folder])
  return join(folder, 'package')
}
