// Modules of users as code that runs here: TypeScript and its local imports in one text, made by esbuild.
import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import type { Loader, Message, Plugin } from 'esbuild'
import { UserError } from '../errors/index.js'
import { makeTemporary } from '../files/index.js'

/** Packages that a module shares with the running program, so that there is one TensorFlow.js and one UserError. */
const SHARED = new Map(
  [
    ['deltalab', '../index.js'],
    ['deltalab/plugin', '../plugin.js'],
    ['deltalab/report', '../report.js'],
    ['zod', '../zod.js'],
  ].map(([name, file]) => [name, new URL(file!, import.meta.url).href]),
)

/**
 * A module with its local imports as one text. Packages stay imports: the shared ones those of this program, others those
 * that the module finds.
 *
 * @param file absolute path
 * @returns files: of the module and its local imports, relative to the folder of the module, sorted
 * @throws UserError with file, line and column for a text that is no TypeScript, and an import that is not found
 */
export async function bundleModule(file: string): Promise<{ code: string; files: string[] }> {
  const { build } = await import('esbuild')
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'inline',
      sourceRoot: pathToFileURL(`${dirname(file)}/`).href,
      logLevel: 'silent',
      // A tsconfig.json beside the module would change its meaning, and is not part of its hash.
      tsconfigRaw: {},
      plugins: [packagesStay, placesStay],
    })
    return { code: outputFiles[0]?.text ?? '', files: Object.keys(metafile.inputs).sort() }
  } catch (error) {
    const [first] = (error as { errors?: Message[] }).errors ?? []
    if (!first) throw error
    const { text, location } = first
    const place = location ? `${join(dirname(file), location.file)}:${location.line}:${location.column + 1}` : file
    throw new UserError(`${place}: ${text}`, { cause: error })
  }
}

/** Imports of packages become imports of their files: the text may run anywhere. */
const packagesStay: Plugin = {
  name: 'packages',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (kind === 'entry-point' || pluginData === 'asked' || /^[A-Za-z]:/.test(path)) return undefined
      if (SHARED.has(path)) return { path: SHARED.get(path)!, external: true }
      const found = await resolve(path, { kind, resolveDir, importer, pluginData: 'asked' })
      if (found.errors.length || found.external) return found
      return { path: pathToFileURL(found.path).href, external: true }
    })
  },
}

/** `import.meta.url` and its like name the file that they stand in, as without bundling. */
const placesStay: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.[mc]?[jt]s$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const places = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) }
      const contents = text.replace(/\bimport\.meta\.(url|filename|dirname)\b/g, (_, name: keyof typeof places) =>
        JSON.stringify(places[name]),
      )
      return { contents, loader: extname(path).replace(/^\.[mc]?/, '') as Loader }
    })
  },
}

/**
 * The default export of a module's code.
 * @param file where the code comes from; path: what errors call it
 * @throws UserError for whatever the code throws, with its line
 */
export async function importCode(code: string, file: string, path: string): Promise<unknown> {
  // Stacks then name the lines of the user's file.
  process.setSourceMapsEnabled(true)
  const folder = makeTemporary('plugin')
  try {
    const target = join(folder.path, `${basename(file, extname(file))}.mjs`)
    await writeFile(target, code)
    const { default: value } = (await import(pathToFileURL(target).href)) as { default?: unknown }
    return value
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path}: ${error.message}`, { cause: error })
    const { message = String(error), stack = '' } = error as Error
    const line = stack.split(`${relative('/', file)}:`)[1]?.match(/^\d+/)?.[0]
    throw new UserError(`${line ? `${path}:${line}` : path}: cannot be loaded (${message.split('\n')[0]})`, {
      cause: error,
    })
  } finally {
    folder.remove()
  }
}
