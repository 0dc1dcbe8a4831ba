// `deltalab init`: a small project with an experiment, an editor of one's own, its test and a notebook.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Argv } from 'yargs'
import { UserError } from '../../errors/index.js'
import { makeTemporary, packageRoot, packageVersion, prepareFolder } from '../../files/index.js'
import { quoteWord } from '../../tool/index.js'
import { print } from '../messages.js'
import { place } from '../options.js'

export const command = 'init <folder|out|o>'

export function builder(cli: Argv) {
  return cli
    .positional('folder', { ...place('Folder to make; its name is that of the project'), alias: ['out', 'o'] })
    .example('deltalab init my-study', 'then: cd my-study && npm install && npm test && npm run sweep')
}

/** npm leaves out a file called .gitignore. */
const written = (file: string): string => (file === 'gitignore' ? '.gitignore' : file)

export async function handler({ folder }: { folder: string }): Promise<void> {
  const target = resolve(folder)
  const name = basename(target)
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name))
    throw new UserError(
      `a project is named in lower-case letters, digits, dots, dashes and underscores; got ${JSON.stringify(name)}`,
    )
  if (existsSync(target)) throw new UserError(`${folder} is there already; nothing is overwritten`)
  // A clone is used as the folder that it is.
  const isInstalled = basename(dirname(packageRoot)) === 'node_modules'
  const deltalab = isInstalled ? `^${packageVersion()}` : `file:${relative(target, resolve(packageRoot))}`
  const words: Record<string, string> = { name, deltalab }
  const template = join(packageRoot, 'templates', 'project')
  const files = readdirSync(template).sort()
  await prepareFolder(dirname(target))
  // Whole or not at all.
  const made = makeTemporary('project', dirname(target))
  for (const file of files) {
    const text = readFileSync(join(template, file), 'utf8').replace(
      /\{\{(\w+)\}\}/g,
      (whole, word) => words[word] ?? whole,
    )
    await writeFile(join(made.path, written(file)), text)
  }
  await chmod(made.path, 0o777 & ~process.umask())
  await rename(made.path, target)
  made.remove()
  // Inside a folder where deltalab is installed, Node and npm find it there.
  const above = createRequire(join(target, 'package.json')).resolve.paths('deltalab') ?? []
  const install = above.some((modules) => existsSync(join(modules, 'deltalab'))) ? '' : 'npm install && '
  print(
    `${folder} has ${files.map(written).join(', ')}\nnext: cd ${quoteWord(folder)} && ${install}npm test && npm run sweep\n`,
  )
}
