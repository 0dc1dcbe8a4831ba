// Starts TensorFlow's own library as the backend: by a binding that `deltalab native install` made, or by a package of npm.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { join } from 'node:path'
import util from 'node:util'
import { compileFunction } from 'node:vm'
import { type Binding, FILES, findBindings, TFJS_NODE } from './binding.js'
import { recordable } from './native-recording.js'
import type { NativeBinding } from './native-run.js'
import { tf } from './tf.js'

const require = createRequire(import.meta.url)

/** What host.cc exports. */
interface Host {
  /** Loads a library for the whole process. @returns what the system says where it cannot */
  open(path: string): string | undefined
  /** Sets a variable of the process's own environment, which worker threads have a copy of, unless it is set. */
  preset(name: string, value: string): void
  /** What native code writes to stderr meanwhile; it is not shown. The work throws nothing. */
  hush(work: () => void): string
}

interface Backend {
  NodeJSKernelBackend: new (addon: NativeBinding, packageName: string) => tf.KernelBackend
}

/** tfjs-node 4.22 calls functions of `util` that Node 23 removed. */
const REMOVED = { isNullOrUndefined: (x: unknown) => x === null || x === undefined, isArray: Array.isArray }

/** TensorFlow's own switch: with 0 its native code says all. */
const LEVEL = 'TF_CPP_MIN_LOG_LEVEL'
const showsAll = (): boolean => process.env[LEVEL] === '0'

/** Variables of the process that hold unless the user sets them. */
const PRESET = {
  // Warnings and errors.
  [LEVEL]: '1',
  // A graphics card multiplies float32 as float32: from Ampere on, TensorFlow would round what it multiplies to 10 bits (TF32).
  NVIDIA_TF32_OVERRIDE: '0',
  // Memory of the card is taken as it is needed; otherwise nearly all of it at the start.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
}

/** The library that computes. */
export interface Native {
  /** The package that provides it, with the versions of both and the graphics card. */
  package: string
  /** The graphics card on which it computes; null for the processor. */
  gpu: string | null
}

/**
 * Starts the backend `tensorflow`.
 * @returns what computes, or why it does not start; null where nothing is installed
 */
export async function startTensorflow(): Promise<Native | Error | null> {
  const [binding] = findBindings()
  const native = binding ? startBinding(binding) : loadPackage()
  if (native && !(native instanceof Error)) await tf.setBackend('tensorflow')
  return native
}

/** Registers the backend of a binding, once in a thread. */
export function startBinding(binding: Binding): Native | Error {
  if (binding.fault) return new Error(`${binding.fault}; deltalab native install makes the binding again`)
  try {
    const addon = openAddon(binding)
    if (tf.findBackendFactory('tensorflow') === null) {
      const { NodeJSKernelBackend } = evaluate(join(binding.folder, FILES[2]))
      // What a graph is given goes by way of the processor's memory.
      const own = addon.isUsingGpuDevice() ? addon : recordable(addon)
      tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(own, TFJS_NODE.name), 3)
    }
    return describe(`${TFJS_NODE.name} ${TFJS_NODE.version}`, addon, binding.gpu)
  } catch (error) {
    return new Error(`${binding.folder}: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** @param known the card that it had when it was installed */
function describe(package_: string, addon: NativeBinding, known: string | null): Native {
  const gpu = addon.isUsingGpuDevice() ? (gpuName() ?? known ?? 'GPU') : null
  return { package: `${package_}, TensorFlow ${addon.TF_Version}${gpu === null ? '' : ` on ${gpu}`}`, gpu }
}

/** Loads the libraries of a binding, and what it exports. */
export function openAddon({ folder, libraries, cuda }: Binding): NativeBinding {
  const host = require(join(folder, FILES[0])) as Host
  const load = (): NativeBinding => {
    // TensorFlow looks for NVIDIA's libraries by their names, and takes what is loaded.
    for (const path of cuda) host.open(path)
    for (const path of libraries) {
      const fault = host.open(path)
      if (fault !== undefined) throw new Error(fault)
    }
    return require(join(folder, FILES[1])) as NativeBinding
  }
  for (const [name, value] of Object.entries(PRESET)) host.preset(name, value)
  if (showsAll()) return load()
  let addon: NativeBinding | undefined
  let fault: unknown
  const said = realWarnings(
    host.hush(() => {
      try {
        addon = load()
      } catch (error) {
        fault = error
      }
    }),
  )
  if (said) process.stderr.write(said)
  if (addon === undefined) throw fault
  return addon
}

/** The JavaScript of tfjs-node, in which `@tensorflow/tfjs` is the one that is used here: a second one would register every kernel again. */
function evaluate(path: string): Backend {
  const module = { exports: {} }
  const complete = Object.assign(Object.create(util), REMOVED)
  // Some of it asks for parts of TensorFlow.js, which stand where the whole finds them.
  const beside = createRequire(require.resolve('@tensorflow/tfjs'))
  const load = (name: string): unknown => (name === 'util' ? complete : beside(name))
  compileFunction(readFileSync(path, 'utf8'), ['require', 'module', 'exports'], { filename: path })(
    load,
    module,
    module.exports,
  )
  return module.exports as Backend
}

/** The beginning of a message of TensorFlow with the letter of its level: of absl's log, or of its own. */
const MESSAGE = /^(?:([IWEF])\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+:\d+\] |\d{4}-\d\d-\d\d [\d:.]+: ([IWEF]) \S+:\d+\] )/

/** Said at every start of a build with CUDA, also by Python's: two parts of it register the same thing, or there is no driver (303). */
const HARMLESS =
  /Unable to register cu\w+ factory|computation placer already registered|Could not find TensorRT|failed call to cuInit: .*UNKNOWN ERROR \(303\)/

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

/** The first package of npm that loads; null where none is installed. */
function loadPackage(): Native | Error | null {
  const names = [`${TFJS_NODE.name}-gpu`, TFJS_NODE.name].filter(isInstalled)
  if (!names.length) return null
  Object.assign(util, REMOVED)
  for (const [name, value] of Object.entries(PRESET)) process.env[name] ??= value
  tf.engine() // Before a package brings a copy of its own, whose warnings would come here.
  const reasons: string[] = []
  for (const name of names) {
    try {
      const { version } = withCare(() => require(name)) as { version: { 'tfjs-node': string } }
      const { binding } = tf.engine().findBackend('tensorflow') as unknown as { binding: NativeBinding }
      return describe(`${name} ${version['tfjs-node']}`, binding, null)
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return new Error(reasons.join('; '))
}

function isInstalled(name: string): boolean {
  try {
    return Boolean(require.resolve(name))
  } catch {
    return false
  }
}

/** dlopen's RTLD_NODELETE. */
const NODELETE = process.platform === 'darwin' ? 0x80 : 0x1000

/**
 * Loads a package without what it says about kernels and backends that another copy of TensorFlow.js registered. Its addon stays
 * until the process ends: TensorFlow's threads run on when a thread of JavaScript, and its addons, are gone.
 */
function withCare<T>(load: () => T): T {
  const { warn } = console
  const { dlopen } = process
  const isRepeat = (text: unknown) => /already (?:been set|registered)/.test(String(text))
  if (!showsAll()) console.warn = (...words) => (isRepeat(words[0]) ? undefined : warn(...words))
  if (process.platform !== 'win32')
    process.dlopen = (module, file, flags = constants.dlopen.RTLD_LAZY) =>
      dlopen.call(process, module, file, flags | NODELETE)
  try {
    return load()
  } finally {
    console.warn = warn
    process.dlopen = dlopen
  }
}
