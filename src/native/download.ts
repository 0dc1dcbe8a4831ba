// Fetches TensorFlow's wheel by pip, for where no Python environment has one.
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { checkSpace } from '../files/index.js'
import { track } from '../progress/index.js'
import { needTool, runTool } from '../tool/index.js'
import { lackOfPython } from './tensorflow.js'

/** The packages of a wheel that was fetched, in the folder of a binding. */
const PACKAGES = 'site-packages'

/** What pip fetches, and the bytes on the disk while it does. */
function wantedFor(cuda: boolean): { name: string; bytes: number } {
  if (cuda) return { name: 'tensorflow[and-cuda]', bytes: 10e9 }
  // For arm64 the wheel of this name is the one for processors.
  return { name: process.arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow', bytes: 2e9 }
}

/** Whether a driver of NVIDIA runs. */
export const hasNvidia = (): boolean =>
  ['/dev/nvidiactl', '/proc/driver/nvidia/version'].some((path) => existsSync(path))

/**
 * @param pythons Pythons of which the first with pip is used
 * @param folder where the packages go
 * @throws UserError where there is no pip, no room, or no wheel
 */
export async function downloadTensorflow(pythons: readonly string[], folder: string, cuda: boolean): Promise<string> {
  const { name, bytes } = wantedFor(cuda)
  await checkSpace(folder, folder, bytes)
  const python = await findPip(pythons)
  const target = join(folder, PACKAGES)
  mkdirSync(target, { recursive: true })
  // Only wheels: a source package would run code, and takes hours to build.
  const pip = [
    python,
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-input',
    '--disable-pip-version-check',
    '--only-binary=:all:',
  ]
  const words = [...pip, ...(cuda ? [] : ['--no-deps']), '--target', target, name]
  const ended = await track({ name: `fetch ${name}`, unit: 'bytes', total: null }, () => runTool(words))
  if (ended?.code !== 0) {
    const purpose = `pip cannot fetch ${name}`
    // The libraries are the same for every Python: one that is too new or too old takes those of another.
    if (!/No matching distribution/.test(ended?.stderr ?? ''))
      throw new UserError(`${purpose}: ${lastError(ended?.stderr ?? '')}`)
    await needTool(purpose, [...words, '--python-version', '3.12'])
  }
  return join(target, 'tensorflow')
}

async function findPip(pythons: readonly string[]): Promise<string> {
  for (const python of pythons) if ((await runTool([python, '-m', 'pip', '--version']))?.code === 0) return python
  const lack = await lackOfPython(pythons)
  if (lack) throw new UserError(`--download needs a Python with pip, and ${lack}`)
  throw new UserError(
    `--download needs pip, and none of ${pythons.join(', ')} has it; install it (on Debian and Ubuntu \`apt-get install python3-pip\`), or give --tensorflow DIR`,
  )
}

/** pip's own last word is the cause; before it stand its attempts. */
const lastError = (text: string): string =>
  text
    .split('\n')
    .filter((line) => /^\s*ERROR: /.test(line))
    .at(0)
    ?.trim() ??
  (text.trim().split('\n').at(-1) || 'it ended without a word')

/** Moves what a binding needs at run time: TensorFlow's libraries and NVIDIA's packages, where they stood to each other. */
export function keepLibraries(from: string, to: string): void {
  const [source, target] = [from, to].map((folder) => join(folder, PACKAGES))
  mkdirSync(join(target!, 'tensorflow'), { recursive: true })
  for (const name of readdirSync(join(source!, 'tensorflow')).filter((name) => name.startsWith('libtensorflow_')))
    renameSync(join(source!, 'tensorflow', name), join(target!, 'tensorflow', name))
  if (existsSync(join(source!, 'nvidia'))) renameSync(join(source!, 'nvidia'), join(target!, 'nvidia'))
}
