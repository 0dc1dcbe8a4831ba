// The native bindings to TensorFlow that `deltalab native install` made: where they stand, and which can be used here.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Version of Node-API that a binding is compiled for; every later Node has it. */
export const NODE_API = 8

/** The package that the binding is compiled from, of this very version. */
export const TFJS_NODE = { name: '@tensorflow/tfjs-node', version: '4.22.0' }

/** What is written in a binding's folder. */
export interface BindingFacts {
  /** Version of TensorFlow. */
  tensorflow: string
  /** Whether TensorFlow came with it, or stands elsewhere. */
  downloaded: boolean
  /** Libraries in the order in which they are loaded; a path that is not absolute is one in the folder. */
  libraries: string[]
  /** Further libraries that are loaded before them where they can be: those of NVIDIA. */
  cuda: string[]
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

/** The folder of all bindings, in the user's cache (XDG Base Directory Specification: a path that is not absolute is none). */
export function bindingsFolder({ XDG_CACHE_HOME: cache = '' }: NodeJS.ProcessEnv = process.env): string {
  return join(isAbsolute(cache) ? cache : join(os.homedir(), '.cache'), 'deltalab', 'native')
}

/** Name of a binding's folder: what it depends on. */
export const bindingName = (tensorflow: string): string => `tensorflow-${tensorflow}${ending()}`

const ending = () => `-${process.platform}-${process.arch}-napi${NODE_API}`

/** The bindings of this platform in a folder, those that can be used first, of these the newest first. */
export function findBindings(folder = bindingsFolder()): Binding[] {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const found = names
    .filter((name) => name.startsWith('tensorflow-') && name.endsWith(ending()))
    .map((name) => readBinding(join(folder, name)))
  return found.sort((a, b) => Number(a.fault !== null) - Number(b.fault !== null) || (a.made < b.made ? 1 : -1))
}

/** What a folder holds. */
export function readBinding(folder: string): Binding {
  const none = { tensorflow: '?', downloaded: false, libraries: [], cuda: [], gpu: null, made: '' }
  let facts: BindingFacts
  try {
    facts = JSON.parse(readFileSync(join(folder, 'binding.json'), 'utf8')) as BindingFacts
  } catch (error) {
    return { ...none, folder, fault: `its binding.json cannot be read: ${(error as Error).message}` }
  }
  const [libraries, cuda] = [facts.libraries, facts.cuda].map((paths) => paths.map((path) => resolve(folder, path)))
  const gone = [...libraries!, ...FILES.map((name) => join(folder, name))].find((path) => !existsSync(path))
  const fault = gone === undefined ? null : `${gone} is there no more`
  return { ...facts, libraries: libraries!, cuda: cuda!, folder, fault }
}

/** The parts of a binding: what prepares the process, the binding itself, and the JavaScript of tfjs-node. */
export const FILES = ['host.node', 'tfjs_binding.node', 'backend.cjs'] as const
