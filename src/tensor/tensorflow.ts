// Starts TensorFlow's own library as the backend: by a binding that `deltalab native install` made, or by a package of npm.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import util from 'node:util'
import { compileFunction } from 'node:vm'
import { type Binding, FILES, findBindings, TFJS_NODE } from './binding.js'
import { tf } from './tf.js'

const require = createRequire(import.meta.url)

/** What host.cc exports. */
interface Host {
  /** Loads a library for the whole process. @returns what the system says where it cannot */
  open(path: string): string | undefined
  /** Sets a variable of the process's own environment, which worker threads have a copy of, unless it is set. */
  preset(name: string, value: string): void
  /** What native code writes to stderr meanwhile; it is not shown. */
  hush(work: () => void): string
}

/** The parts of tfjs_binding.node that are used here. */
interface Addon {
  TF_Version: string
  isUsingGpuDevice(): boolean
}

interface Backend {
  NodeJSKernelBackend: new (addon: Addon, packageName: string) => tf.KernelBackend
}

/** tfjs-node 4.22 calls functions of `util` that Node 23 removed. */
const REMOVED = { isNullOrUndefined: (x: unknown) => x === null || x === undefined, isArray: Array.isArray }

/** TensorFlow's own switch: 0 shows all that its native code says. Deltalab leaves it to warnings and errors, unless it is set. */
const LEVEL = 'TF_CPP_MIN_LOG_LEVEL'
const showsAll = (): boolean => process.env[LEVEL] === '0'

/**
 * Starts the backend `tensorflow`.
 * @returns the package that provides it, with versions and device; why it does not start; null where nothing is installed
 */
export async function startTensorflow(): Promise<string | Error | null> {
  const [binding] = findBindings()
  const provider = binding ? startBinding(binding) : loadPackage()
  if (typeof provider === 'string') await tf.setBackend('tensorflow')
  return provider
}

/** Registers the backend of a binding, once in a thread. */
export function startBinding(binding: Binding): string | Error {
  if (binding.fault) return new Error(`${binding.fault}; deltalab native install makes the binding again`)
  try {
    const addon = openAddon(binding)
    if (tf.findBackendFactory('tensorflow') === null) {
      const { NodeJSKernelBackend } = evaluate(join(binding.folder, FILES[2]))
      tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(addon, TFJS_NODE.name), 3)
    }
    const device = addon.isUsingGpuDevice() ? ` on ${gpuName() ?? binding.gpu ?? 'GPU'}` : ''
    return `${TFJS_NODE.name} ${TFJS_NODE.version}, TensorFlow ${addon.TF_Version}${device}`
  } catch (error) {
    return new Error(`${binding.folder}: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** Loads the libraries of a binding, and what it exports. */
export function openAddon({ folder, libraries, cuda }: Binding): Addon {
  const host = require(join(folder, FILES[0])) as Host
  const load = (): Addon => {
    // TensorFlow looks for NVIDIA's libraries by their names, and takes what is loaded.
    for (const path of cuda) host.open(path)
    for (const path of libraries) {
      const fault = host.open(path)
      if (fault !== undefined) throw new Error(fault)
    }
    return require(join(folder, FILES[1])) as Addon
  }
  if (showsAll()) return load()
  host.preset(LEVEL, '1')
  let addon: Addon | undefined
  const said = realWarnings(
    host.hush(() => {
      addon = load()
    }),
  )
  if (said) process.stderr.write(said)
  return addon!
}

/** The JavaScript of tfjs-node, in which `@tensorflow/tfjs` is the one that is used here: a second one would register every kernel again. */
function evaluate(path: string): Backend {
  const module = { exports: {} }
  const complete = Object.assign(Object.create(util), REMOVED)
  const load = (name: string): unknown => (name === 'util' ? complete : require(name))
  compileFunction(readFileSync(path, 'utf8'), ['require', 'module', 'exports'], { filename: path })(
    load,
    module,
    module.exports,
  )
  return module.exports as Backend
}

/** The beginning of a message of TensorFlow with the letter of its level: of absl's log, or of its own. */
const MESSAGE = /^(?:([IWEF])\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+:\d+\] |\d{4}-\d\d-\d\d [\d:.]+: ([IWEF]) \S+:\d+\] )/

/** Said at every start of a build with CUDA, also by Python's: two parts of it register the same thing. */
const HARMLESS = /Unable to register cu\w+ factory|computation placer already registered|Could not find TensorRT/

/** Of what TensorFlow says while it loads: without banners and what is only good to know. What is no message of it stays. */
export function realWarnings(text: string): string {
  let isShown = true
  const lines = text.split(/(?<=\n)/).filter((line) => {
    if (/^WARNING: All log messages before absl::InitializeLog\(\)/.test(line)) return false
    const [message, absl, own] = MESSAGE.exec(line) ?? []
    if (message) isShown = (absl ?? own) !== 'I' && !HARMLESS.test(line)
    return isShown
  })
  return lines.join('')
}

/** The one model of graphics card that NVIDIA's driver lists; null for none, or several. */
export function gpuName(folder = '/proc/driver/nvidia/gpus'): string | null {
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, 'information')) : []
  const names = files
    .filter((file) => existsSync(file))
    .map((file) => /^Model:\s*(.+?)\s*$/m.exec(readFileSync(file, 'utf8'))?.[1])
  return new Set(names).size === 1 ? (names[0] ?? null) : null
}

/** The first package of npm that is installed and loads; null where none is installed. */
function loadPackage(): string | Error | null {
  Object.assign(util, REMOVED)
  let reason: Error | null = null
  for (const name of [`${TFJS_NODE.name}-gpu`, TFJS_NODE.name]) {
    try {
      const { version } = withoutRepeats(() => require(name)) as { version: { 'tfjs-node': string } }
      const { TF_Version } = (tf.engine().findBackend('tensorflow') as unknown as { binding: Addon }).binding
      return `${name} ${version['tfjs-node']}, TensorFlow ${TF_Version}`
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND')
        reason = new Error(`${name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return reason
}

/** Loads a package without what it says about kernels and backends that another copy of TensorFlow.js registered. */
function withoutRepeats<T>(load: () => T): T {
  const { warn } = console
  const isRepeat = (text: unknown) => /already (?:been set|registered)/.test(String(text))
  if (!showsAll()) console.warn = (...words) => (isRepeat(words[0]) ? undefined : warn(...words))
  try {
    return load()
  } finally {
    console.warn = warn
  }
}
