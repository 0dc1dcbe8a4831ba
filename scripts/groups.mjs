// Few files in place of many for what starts together. esbuild puts modules into one file where the same entries reach them; each command
// is an entry, and so is each late import, so that a command would load over a hundred files, which takes longer than all their code. Here
// modules are told apart by few starts alone: those that the same of these reach are imported through one group.
import { relative, resolve } from 'node:path'

/** What threads start with, a door that is light, and commands that only say their help: light ones, and those that know editors. */
const STARTS = [
  ['report'],
  ['cli/main', 'cli/command-thread', 'cli/display'],
  ['cli/worker', 'cli/main-thread'],
  ['stream/worker'],
  ['cli/commands/inspect', 'cli/commands/merge', 'cli/commands/apply'],
  ['cli/commands/edit', 'cli/commands/compress'],
]
/** Commands that are called, alone or with those that load the same. */
const CALLED = [['inspect'], ['merge', 'edit'], ['compress'], ['apply']]

/**
 * For esbuild: imports between groups. No group imports another one back: what a module imports is reached by all that reach it.
 * @param inputs modules and their imports, of the metafile of a build without groups
 */
export function inGroups({ inputs }, source) {
  const pathOf = (name) => relative('.', resolve(source, `${name}.js`))
  const importsOf = (module, wanted) =>
    inputs[module].imports.filter(({ kind, external }) => kind === wanted && !external).map(({ path }) => path)
  /** Modules of the source that these import, themselves and through others. */
  const reach = (begin) => {
    const seen = new Set(begin)
    for (const module of seen) for (const path of importsOf(module, 'import-statement')) seen.add(path)
    return [...seen].filter((path) => resolve(path).startsWith(source))
  }
  /** What a command imports when it is called; that it may compute a model is another kind of work. */
  const lateImports = (command) =>
    importsOf(command, 'dynamic-import').filter((path) => !reach([path]).some((each) => each.includes('/models/')))
  const called = CALLED.map((names) => names.map((name) => pathOf(`cli/commands/${name}`)))
  const starts = [
    ...STARTS.map((names) => names.map(pathOf)),
    ...called.map((paths) => [...paths, ...paths.flatMap(lateImports)]),
  ]
  /** For each module the starts that reach it. */
  const groups = new Map()
  for (const [i, begin] of starts.entries())
    for (const path of reach(begin))
      if (!begin.includes(path)) groups.set(resolve(path), `${groups.get(resolve(path)) ?? ''} ${i}`)
  return {
    name: 'in groups',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[./]/ }, ({ path, kind, importer, resolveDir, namespace }) => {
        const group = groups.get(resolve(resolveDir, path))
        if (!group || kind !== 'import-statement' || namespace === 'group' || groups.get(importer) === group)
          return undefined
        return { path: group, namespace: 'group' }
      })
      onLoad({ filter: /.*/, namespace: 'group' }, ({ path }) => {
        const files = [...groups.keys()].filter((file) => groups.get(file) === path)
        return {
          contents: files.map((file) => `export * from ${JSON.stringify(file)}`).join('\n'),
          resolveDir: source,
        }
      })
    },
  }
}
