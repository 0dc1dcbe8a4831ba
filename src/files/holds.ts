// What must not outlast the program: locks, folders that are half-written, temporary folders, processes. Each is plain data,
// told to the main thread as well: a thread that is stopped in the middle of its work puts nothing right itself.
import { existsSync, readFileSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads'
import { readJournal } from './journal.js'
import { isSealed, removeUnfinished } from './manifest.js'

export type Hold =
  /** A lock, which is a file of this content. */
  | { kind: 'lock'; path: string; content: string }
  /** The folder in which output grows that will be called `name`: it is kept where its journal tells of a finished block. */
  | { kind: 'partial'; path: string; name: string }
  /** A file or a folder that is of no use later. */
  | { kind: 'temporary'; path: string }
  /** A folder that goes where nothing is in it. */
  | { kind: 'folder'; path: string }
  /** A group of processes. */
  | { kind: 'processes'; group: number }
  /** Nothing to be put right, but something to be said: what is kept, and how to go on. */
  | { kind: 'kept'; text: string }

/** The order in which they are put right: nothing writes to what is removed, output in a temporary folder goes with it, and a lock goes last. */
const ORDER: readonly Hold['kind'][] = ['processes', 'temporary', 'partial', 'kept', 'lock', 'folder']

/** What a thread tells the main thread. */
export interface ToldHold {
  id: string
  /** Null where it is let go. */
  thing: Hold | null
}

/** Here the main thread listens. Its name stands in src/cli/command-thread.ts, too, which loads nothing before it has time. */
const CHANNEL = 'deltalab holds'
const own = new Map<string, { thing: Hold; say: (text: string) => void }>()
let channel: BroadcastChannel | undefined
let count = 0

function tell(told: ToldHold): void {
  if (isMainThread) return
  if (!channel) {
    channel = new BroadcastChannel(CHANNEL)
    channel.unref()
  }
  channel.postMessage(told)
}

/** Where this thread ends by itself, in a program that has no supervisor. */
const putRightHere = (): void => {
  for (const { thing, say } of inOrder([...own.values()], ({ thing }) => thing)) {
    const said = letGo(thing)
    if (said !== null) say(said)
  }
  own.clear()
}

const inOrder = <T>(list: readonly T[], thingOf: (each: T) => Hold): T[] =>
  [...list].sort((a, b) => ORDER.indexOf(thingOf(a).kind) - ORDER.indexOf(thingOf(b).kind))

/**
 * Notes that something is there which must be put right should the program be stopped. Call it before the thing is made, so that
 * no moment is without it.
 * @param say is told what became of it, in a sentence, where this thread puts it right
 * @returns call it when the thing is gone or finished
 */
export function hold(thing: Hold, say: (text: string) => void = () => {}): () => void {
  if (!own.size) process.once('exit', putRightHere)
  const id = `${threadId} ${count++}`
  own.set(id, { thing, say })
  tell({ id, thing })
  return () => {
    if (!own.delete(id)) return
    tell({ id, thing: null })
    if (!own.size) process.off('exit', putRightHere)
  }
}

/** A sentence about what is kept, which changes as the work goes on. */
export function holdText(): { set(text: string): void; end(): void } {
  let release = (): void => {}
  return {
    set(text) {
      const before = release
      release = hold({ kind: 'kept', text })
      before()
    },
    end: () => release(),
  }
}

/** Puts right what threads held that have stopped. @returns what became of it, in sentences */
export const putRight = (things: readonly Hold[]): string[] =>
  inOrder(things, (thing) => thing)
    .map(letGo)
    .filter((text) => text !== null)

/** Puts right what this thread holds. @returns what became of it, in sentences */
export function putRightOwn(): string[] {
  const said = putRight([...own.values()].map(({ thing }) => thing))
  own.clear()
  return said
}

/** Puts one thing right. @returns a sentence where there is something to be said */
function letGo(thing: Hold): string | null {
  if (thing.kind === 'kept') return thing.text
  if (thing.kind === 'processes') attempt(() => process.kill(-thing.group, 'SIGKILL'))
  else if (thing.kind === 'temporary') attempt(() => rmSync(thing.path, { recursive: true, force: true }))
  else if (thing.kind === 'folder') attempt(() => rmdirSync(thing.path))
  else if (thing.kind === 'lock')
    attempt(() => readFileSync(thing.path, 'utf8') === thing.content && unlinkSync(thing.path))
  else if (existsSync(thing.path)) return letGoOfFolder(thing)
  return null
}

function letGoOfFolder({ path, name }: Hold & { kind: 'partial' }): string {
  if (isSealed(path)) return `${name}: is finished; the next run of the command puts it in its place`
  if (readJournal(path))
    return `${name}: what is finished is kept; the same command goes on with it, --discard drops it`
  attempt(() => removeUnfinished(path))
  return `${name}: nothing was written`
}

/** One that cannot be put right does not stop the others; the next start finds it. */
function attempt(action: () => unknown): void {
  try {
    action()
  } catch {
    // It is gone, or cannot be reached.
  }
}
