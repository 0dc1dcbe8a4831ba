// The native bindings to TensorFlow that `deltalab native install` made: where they stand, and which can be used here.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cacheFolder } from '../files/index.js'

/** Version of Node-API that a binding is compiled for; every later Node has it. */
export const NODE_API = 8

/** The package that the binding is compiled from, of this very version. */
export const TFJS_NODE = { name: '@tensorflow/tfjs-node', version: '4.22.0' }

/** Number of what deltalab itself compiles into a binding: raised when that changes. */
export const REVISION = 1

/** What is written in a binding's folder. */
export interface BindingFacts {
  /** REVISION of the version that made it. */
  revision: number
  /** Version of TensorFlow. */
  tensorflow: string
  /** Whether TensorFlow came with it, or stands elsewhere. */
  downloaded: boolean
  /** Libraries in the order in which they are loaded; a path that is not absolute is one in the folder. */
  libraries: string[]
  /** Further libraries that are loaded before them where they can be: those of NVIDIA. */
  cuda: string[]
  /** Bytes of each library, and of each part in the order of FILES: a file that is cut off can end the process when it is loaded. */
  sizes: number[]
  /** The graphics card that TensorFlow computed on when it was checked; null where it used the processor. */
  gpu: string | null
  /** When it was made, ISO 8601. */
  made: string
}

/** A binding that was made for this platform. */
export interface Binding extends BindingFacts {
  folder: string
  /** Why it cannot be used; null where it can. */
  fault: string | null
}

/** The folder of all bindings. */
export const bindingsFolder = (environment = process.env): string => join(cacheFolder(environment), 'native')

/** Name of a binding's folder: what it depends on. */
export const bindingName = (tensorflow: string): string => `tensorflow-${tensorflow}${ending()}`

const ending = () => `-${process.platform}-${process.arch}-napi${NODE_API}`

/** The bindings of this platform in a folder, those that can be used first, of these the newest first. */
export function findBindings(folder = bindingsFolder()): Binding[] {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const found = names
    .filter((name) => name.startsWith('tensorflow-') && name.endsWith(ending()))
    .map((name) => readBinding(join(folder, name)))
  return found.sort((a, b) => Number(a.fault !== null) - Number(b.fault !== null) || b.made.localeCompare(a.made))
}

/** What a folder holds. */
export function readBinding(folder: string): Binding {
  const none = {
    revision: REVISION,
    tensorflow: '?',
    downloaded: false,
    libraries: [],
    cuda: [],
    sizes: [],
    gpu: null,
    made: '',
  }
  let facts: unknown
  try {
    facts = JSON.parse(readFileSync(join(folder, 'binding.json'), 'utf8'))
  } catch (error) {
    return { ...none, folder, fault: `its binding.json cannot be read: ${(error as Error).message}` }
  }
  if (!isFacts(facts)) return { ...none, folder, fault: 'its binding.json lacks what this version of deltalab writes' }
  const [libraries, cuda] = [facts.libraries, facts.cuda].map((paths) => paths.map((path) => resolve(folder, path)))
  const faults = [
    facts.revision === REVISION ? null : 'the binding is of another version of deltalab',
    ...partsOf(folder, libraries!).map((path, i) => faultOf(path, facts.sizes[i]!)),
  ]
  return { ...facts, libraries: libraries!, cuda: cuda!, folder, fault: faults.find((fault) => fault) ?? null }
}

function isFacts(value: unknown): value is BindingFacts {
  const { tensorflow, made, libraries, cuda, sizes } = (value ?? {}) as Record<string, unknown>
  const isList = (list: unknown, type: string) => Array.isArray(list) && list.every((each) => typeof each === type)
  return (
    [tensorflow, made].every((text) => typeof text === 'string') &&
    [libraries, cuda].every((paths) => isList(paths, 'string')) &&
    isList(sizes, 'number') &&
    (sizes as number[]).length === (libraries as string[]).length + FILES.length
  )
}

function faultOf(path: string, bytes: number): string | null {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined) return `${path} is there no more`
  return size === bytes ? null : `${path} is not what it was (${size} bytes, ${bytes} when the binding was made)`
}

const partsOf = (folder: string, libraries: readonly string[]): string[] => [
  ...libraries.map((path) => resolve(folder, path)),
  ...FILES.map((name) => join(folder, name)),
]

/** The sizes that belong into the facts of a folder that is complete. */
export const sizesOf = (folder: string, libraries: readonly string[]): number[] =>
  partsOf(folder, libraries).map((path) => statSync(path).size)

/** The parts of a binding: what prepares the process, the binding itself, and the JavaScript of tfjs-node. */
export const FILES = ['host.node', 'tfjs_binding.node', 'backend.cjs'] as const
