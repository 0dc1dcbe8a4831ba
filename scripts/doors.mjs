// Leads imports past the doors of rooms. A door (`index.js`) exports all that its room has; who imports from it needs a part, and should
// load no more: an import is led to the modules that define its names, and so is a dynamic one whose names are taken at once.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

const isDoor = (file) => file.endsWith('/index.js')

const known = new Map()

/** Where each name of a module is defined: name → its file, and its name there. */
function placesOf(file) {
  if (known.has(file)) return known.get(file)
  const places = new Map()
  known.set(file, places)
  for (const { entries } of parseSync(file, readFileSync(file, 'utf8')).module.staticExports) {
    for (const { moduleRequest, importName, exportName } of entries) {
      const from = moduleRequest?.value.startsWith('.') ? resolve(dirname(file), moduleRequest.value) : null
      if (from && importName.kind === 'AllButDefault')
        for (const [name, place] of placesOf(from)) places.set(name, place)
      else if (from && importName.kind === 'Name') places.set(exportName.name, placesOf(from).get(importName.name))
      else places.set(exportName.name ?? 'default', { file, name: exportName.name ?? 'default' })
    }
  }
  return places
}

/** `names` of a door, by the files that define them: statements that begin with `word`. */
function statements(word, door, names) {
  const byFile = new Map()
  for (const [name, local] of names) {
    const place = placesOf(door).get(name)
    if (!byFile.has(place.file)) byFile.set(place.file, [])
    byFile.get(place.file).push(place.name === local ? local : `${place.name} as ${local}`)
  }
  return [...byFile].map(([file, taken]) => `${word} { ${taken.join(', ')} } from ${JSON.stringify(file)};`).join(' ')
}

/** The code of a module with its imports of doors led past them. A dynamic one becomes `import('door?names=a,b')`. */
export function pastDoors(code, file) {
  const { module, program } = parseSync(file, code)
  const doorAt = (path) => {
    const target = path.startsWith('.') ? resolve(dirname(file), path) : ''
    return isDoor(target) && target !== file ? target : null
  }
  const changes = []
  for (const { start, end, moduleRequest, entries } of module.staticImports) {
    const door = doorAt(moduleRequest.value)
    if (!door || !entries.length || entries.some(({ importName }) => importName.kind !== 'Name')) continue
    const names = entries.map(({ importName, localName }) => [importName.name, localName.value])
    changes.push({ start, end, text: statements('import', door, names) })
  }
  const take = (pattern, value) => {
    if (pattern?.type !== 'ObjectPattern' || value?.type !== 'ImportExpression' || value.source.type !== 'Literal')
      return
    const door = doorAt(value.source.value)
    if (!door) return
    const { start, end } = value.source
    changes.push({ start, end, text: JSON.stringify(`${door}?names=${pattern.properties.map(({ key }) => key.name)}`) })
  }
  new Visitor({
    VariableDeclarator({ id, init }) {
      const value = init?.type === 'AwaitExpression' ? init.argument : null
      const isAll =
        value?.type === 'CallExpression' && value.callee.property?.name === 'all' && id.type === 'ArrayPattern'
      if (isAll) id.elements.forEach((element, i) => take(element, value.arguments[0].elements?.[i]))
      else take(id, value)
    },
  }).visit(program)
  return changes
    .sort((a, b) => b.start - a.start)
    .reduce((changed, { start, end, text }) => changed.slice(0, start) + text + changed.slice(end), code)
}

/** For esbuild: the modules behind a dynamic import of a door. */
export const takenFromDoors = {
  name: 'taken from doors',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?names=/ }, ({ path }) => ({ path, namespace: 'taken' }))
    onLoad({ filter: /.*/, namespace: 'taken' }, ({ path }) => {
      const [door, names] = path.split('?names=')
      const contents = statements(
        'export',
        door,
        names.split(',').map((name) => [name, name]),
      )
      return { contents, resolveDir: dirname(door) }
    })
  },
}
