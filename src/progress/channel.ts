// The channel of a thread on which work says how far it is. Nobody has to listen; then nothing is said.
import { channel } from 'node:diagnostics_channel'

/** Work as it begins. */
export interface WorkFacts {
  name: string
  /** What is counted, in the plural: `items`, `steps`. `bytes` are shown as amounts; of `%` only the share that is done. */
  unit: string
  /** How many of them there are; null where that is not known. */
  total: number | null
}

/** What is said of work, as plain data that threads can send each other. Ids are unique in the process. */
export type Progress =
  /** `share`: how much of the parent's total this work is. */
  | { id: string; begin: WorkFacts; parent: string | null; share: number }
  /** `earlier`: what an earlier run did; it is part of `done`, and says nothing of the speed. */
  | { id: string; done: number; earlier: number; what: string }
  | { id: string; end: true }

const progress = channel('deltalab:progress')

/** Whether it is worth the while to say something. */
export const isHeard = (): boolean => progress.hasSubscribers

/** Also for what another thread said. */
export function publish(message: Progress): void {
  progress.publish(message)
}

/** Calls `listen` with all that is said in this thread from now on. Returns what ends it. */
export function hear(listen: (message: Progress) => void): () => void {
  const listener = (message: unknown) => listen(message as Progress)
  progress.subscribe(listener)
  return () => void progress.unsubscribe(listener)
}
