// Whether a command that the main thread has begun stays there: where it computes for long itself, it begins again in a thread of its own.

/** Says to the main thread that it does. It has no words, because nobody reads it. */
export class NeedsThread extends Error {}

/** What was said so far; undefined where nothing is to be chosen any more. */
let waiting: (() => void)[] | undefined

/** What the main thread calls before it begins: what is said from then on waits until that is chosen. */
export const offerThread = (): void => {
  waiting = []
}

/** Says it, now or then. */
export function sayThen(say: () => void): void {
  if (waiting) waiting.push(say)
  else say()
}

/** @throws NeedsThread in the main thread, where the command needs one of its own: it has done nothing yet, and what it said is forgotten */
export function chooseThread(needsOwn: boolean): void {
  const said = waiting
  if (said && needsOwn) throw new NeedsThread()
  waiting = undefined
  for (const say of said ?? []) say()
}
