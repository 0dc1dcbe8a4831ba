// Installs a binding to TensorFlow into the user's cache: complete, or nothing.
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors/index.js'
import { makeTemporary, prepareFolder, writeFolder } from '../files/index.js'
import { track } from '../progress/index.js'
import {
  type Binding,
  type BindingFacts,
  bindingName,
  bindingsFolder,
  gpuName,
  REVISION,
  readBinding,
  realWarnings,
  sizesOf,
} from '../tensor/index.js'
import { reasonIn, runTool } from '../tool/index.js'
import { compileBinding, findCompiler } from './compile.js'
import { downloadTensorflow, hasNvidia, keepLibraries } from './download.js'
import { checkPlatform, type Platform, readPlatform } from './platform.js'
import { findHeaders, findSources } from './sources.js'
import { findInPython, lackOfPython, pythonsOf, readTensorflow, type TensorFlow } from './tensorflow.js'

export interface InstallOptions {
  /** Folder of a TensorFlow. */
  tensorflow?: string | undefined
  /** The Python to ask; else that of the active environment, then the one of the path. */
  python?: string | undefined
  /** Lets pip fetch TensorFlow where none is found. */
  download?: boolean | undefined
  /** Fetches the build for graphics cards of NVIDIA; unless given, where their driver runs. */
  cuda?: boolean | undefined
  environment?: NodeJS.ProcessEnv | undefined
  /** The machine, for tests. */
  platform?: Platform | undefined
}

/** A binding that was made, and what TensorFlow warned of when it was checked. */
export interface Installed {
  binding: Binding
  warnings: string
}

/**
 * Finds a TensorFlow, compiles the binding, and checks it.
 * @throws UserError with what is missing; nothing is installed then
 */
export async function installBinding(options: InstallOptions): Promise<Installed> {
  const { environment = process.env, platform = readPlatform() } = options
  checkPlatform(platform)
  const folder = bindingsFolder(environment)
  const compiler = await findCompiler(environment.CXX)
  await prepareFolder(folder)
  const scratch = makeTemporary('native', folder)
  try {
    return await track({ name: 'install', unit: 'steps', total: 5 }, async (work) => {
      const tensorflow = await work.part(1, () => findTensorflow(options, environment, scratch.path))
      const sources = await work.part(1, () => findSources(scratch.path))
      const headers = await work.part(1, () => findHeaders(scratch.path))
      const built = join(scratch.path, 'built')
      mkdirSync(built)
      await work.part(1, () => compileBinding(compiler, { sources, headers, tensorflow }, built))
      const downloaded = tensorflow.folder.startsWith(scratch.path)
      const { libraries, cuda } = tensorflow
      const facts = {
        revision: REVISION,
        tensorflow: '',
        downloaded,
        libraries,
        cuda,
        gpu: null,
        made: new Date().toISOString(),
      }
      writeFacts(built, facts)
      const { warnings, ...checked } = await work.part(1, () => checkBinding(built))
      const inside = (path: string) => (downloaded ? relative(scratch.path, path) : path)
      const place = join(folder, bindingName(checked.tensorflow))
      await writeFolder(place, { overwrite: true, bytes: 1e6 }, async (partial) => {
        for (const name of readdirSync(built)) renameSync(join(built, name), join(partial, name))
        if (downloaded) keepLibraries(scratch.path, partial)
        writeFacts(partial, { ...facts, ...checked, libraries: libraries.map(inside), cuda: cuda.map(inside) })
      })
      return { binding: readBinding(place), warnings }
    })
  } finally {
    await track({ name: 'clean up', unit: 'steps', total: null }, async () => scratch.remove())
  }
}

function writeFacts(folder: string, facts: Omit<BindingFacts, 'sizes'>): void {
  const complete: BindingFacts = { ...facts, sizes: sizesOf(folder, facts.libraries) }
  writeFileSync(join(folder, 'binding.json'), `${JSON.stringify(complete, null, 2)}\n`)
}

/** Where it is given, else in a Python, else by pip. */
async function findTensorflow(
  { tensorflow, python, download, cuda }: InstallOptions,
  environment: NodeJS.ProcessEnv,
  scratch: string,
): Promise<TensorFlow> {
  if (tensorflow !== undefined) return readTensorflow(tensorflow)
  const pythons = python === undefined ? pythonsOf(environment) : [python]
  const found = await findInPython(pythons)
  if (found) return found
  if (download) return readTensorflow(await downloadTensorflow(pythons, scratch, cuda ?? hasNvidia()))
  const lack = await lackOfPython(pythons)
  if (lack) throw new UserError(`${lack}: install one, or give --tensorflow DIR`)
  throw new UserError(
    `no TensorFlow is in the packages of ${pythons.join(', ')}: give --download, or \`pip install tensorflow-cpu\` there ("tensorflow[and-cuda]" for graphics cards of NVIDIA), or give --tensorflow DIR`,
  )
}

/** What a binding is, found by using it in a process of its own. @throws UserError with the reason where it does not work */
async function checkBinding(folder: string): Promise<Pick<BindingFacts, 'tensorflow' | 'gpu'> & { warnings: string }> {
  const script = fileURLToPath(new URL('./check-worker.js', import.meta.url))
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0' }
  const ended = await runTool([process.execPath, script, folder], { env })
  if (ended?.code !== 0)
    throw new UserError(
      `TensorFlow was compiled against, and does not start: ${reasonIn(ended?.stderr ?? '') ?? 'it says nothing'}`,
    )
  const { tensorflow, usesGpu, wrong } = JSON.parse(ended.stdout) as Record<'tensorflow', string> &
    Record<'usesGpu', boolean> &
    Record<'wrong', number>
  if (wrong)
    throw new UserError(
      `TensorFlow ${tensorflow} computes a wrong matrix product (${wrong} entries); it is not installed`,
    )
  const named = /\bname: ([^,]+), pci bus id/.exec(ended.stderr)?.[1]
  return { tensorflow, gpu: usesGpu ? (named ?? gpuName() ?? 'GPU') : null, warnings: realWarnings(ended.stderr) }
}
