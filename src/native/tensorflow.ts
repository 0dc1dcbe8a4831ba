// Finds a TensorFlow to compile against: the wheel in a Python environment, or a folder.
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors/index.js'
import { runTool } from '../tool/index.js'

/** A TensorFlow with its C interface. */
export interface TensorFlow {
  /** The package of a wheel, or the folder of a C library. */
  folder: string
  /** Where its headers are. */
  include: string
  /** Its libraries, in the order in which they are loaded. */
  libraries: string[]
  /** NVIDIA's libraries that pip installed beside it, in the order in which they are loaded. */
  cuda: string[]
}

/** Of a wheel, and of the archive of the C library. */
const LIBRARIES = [
  ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'],
  ['lib/libtensorflow_framework.so.2', 'lib/libtensorflow.so.2'],
]

/** Prints where TensorFlow and NVIDIA's packages are, without loading them; the current folder does not count. */
const LOOK = `
import importlib.util as u, json, os, sys
sys.path = [p for p in sys.path if p not in ("", os.getcwd())]
def places(name):
    try: found = u.find_spec(name)
    except (ImportError, ValueError): found = None
    return list(found.submodule_search_locations or []) if found else []
print(json.dumps({name: places(name) for name in ("tensorflow", "nvidia")}))`

/** The Pythons that are asked: the active environment, then the one of the path. */
export function pythonsOf({ VIRTUAL_ENV, CONDA_PREFIX }: NodeJS.ProcessEnv): string[] {
  const active = [VIRTUAL_ENV, CONDA_PREFIX].filter((folder) => folder).map((folder) => join(folder!, 'bin/python'))
  return [...active, 'python3', 'python']
}

/** Why none of these Pythons can be asked; null where one can. */
export async function lackOfPython(pythons: readonly string[]): Promise<string | null> {
  for (const python of pythons) if ((await runTool([python, '--version']))?.code === 0) return null
  return `there is no Python (${pythons.join(', ')} ${pythons.length > 1 ? 'were' : 'was'} looked for)`
}

/** TensorFlow in the first of these Pythons that has one; null where none has. */
export async function findInPython(pythons: readonly string[]): Promise<TensorFlow | null> {
  for (const python of pythons) {
    const ended = await runTool([python, '-c', LOOK])
    if (ended?.code !== 0) continue
    const found = JSON.parse(ended.stdout) as Record<'tensorflow' | 'nvidia', string[]>
    if (found.tensorflow[0]) return readTensorflow(found.tensorflow[0], found.nvidia)
  }
  return null
}

/**
 * @param given the package in a Python environment, the environment, or the unpacked archive of the C library
 * @param nvidia folders of NVIDIA's packages; those beside the package count, too
 * @throws UserError for a folder without the libraries or the headers
 */
export function readTensorflow(given: string, nvidia: readonly string[] = []): TensorFlow {
  if (!existsSync(given)) throw new UserError(`${given}: no such folder`)
  const folder = placesIn(resolve(given)).find((place) => librariesOf(place) !== undefined)
  if (folder === undefined)
    throw new UserError(
      `${given}: has no TensorFlow with a C interface (${LIBRARIES.map((names) => names[1]).join(' or ')}); give the folder "tensorflow" of a wheel of version 2.10 or newer, or an unpacked archive of libtensorflow`,
    )
  const include = join(folder, 'include')
  if (!existsSync(join(include, 'tensorflow/c/eager/c_api.h')))
    throw new UserError(`${folder}: its headers are missing (include/tensorflow/c/eager/c_api.h); install it again`)
  const beside = join(dirname(folder), 'nvidia')
  return {
    folder,
    include,
    libraries: librariesOf(folder)!.map((name) => join(folder, name)),
    cuda: cudaIn([...new Set([beside, ...nvidia])]),
  }
}

const librariesOf = (folder: string) => LIBRARIES.find((names) => names.every((name) => existsSync(join(folder, name))))

/** A folder, and where a Python environment of that name has TensorFlow. */
function placesIn(folder: string): string[] {
  const list = (path: string) => (existsSync(path) ? readdirSync(path) : [])
  const versions = list(join(folder, 'lib')).filter((name) => name.startsWith('python3'))
  const below = versions.map((name) => join(folder, 'lib', name, 'site-packages/tensorflow'))
  return [folder, join(folder, 'tensorflow'), ...below]
}

/** What TensorFlow looks for by name, each after those that it needs itself. */
const CUDA = [
  'cudart',
  'nvJitLink',
  'cublasLt',
  'cublas',
  'cufft',
  'curand',
  'cusparse',
  'cusolver',
  'nvrtc',
  'cudnn',
  'nccl',
  'cupti',
]

/** The libraries in NVIDIA's packages, <folder>/<package>/lib/lib<name>.so.<version>: of one name, the first. */
export function cudaIn(folders: readonly string[]): string[] {
  const list = (path: string) => (existsSync(path) ? readdirSync(path).sort() : [])
  const places = new Map<string, string>()
  for (const folder of folders)
    for (const name of list(folder))
      for (const file of list(join(folder, name, 'lib')))
        if (!places.has(file)) places.set(file, join(folder, name, 'lib', file))
  return CUDA.flatMap((name) =>
    [...places.keys()].filter((file) => new RegExp(`^lib${name}\\.so\\.\\d+$`).test(file)),
  ).map((file) => places.get(file)!)
}
