// Work that says how far it is.
import { AsyncLocalStorage } from 'node:async_hooks'
import { threadId } from 'node:worker_threads'
import { isHeard, type Progress, publish, type WorkFacts } from './channel.js'

export interface Work {
  /** So much more is done; `what` names it, where it has a name. */
  add(amount: number, what?: string): void
  /** An earlier run did so much. */
  found(amount: number): void
  /** Does so much of the work. How far that is, is said by the work that begins in it. */
  part<T>(amount: number, does: () => Promise<T>): Promise<T>
  /** Passes on what another thread says; what begins there by itself is so much of this work. */
  relay(message: Progress, share: number): void
}

/** Of the total, what is said at a time: the eye sees no smaller steps. */
const GRAIN = 1 / 200

/** Where work that begins now belongs: the work that it is called in, and how much of it this is. */
interface Place {
  id: string
  share: number
}

/** Of the calls under way, each has its own: work that goes on at the same time is not nested. */
const places = new AsyncLocalStorage<Place>()
let begun = 0

/** Does work, and says how far it is. Work that `does` begins, at once or later, is in it. */
export const track = <T>(about: WorkFacts, does: (work: Work) => Promise<T>): Promise<T> =>
  say(about, (work, id) => places.run({ id, share: 0 }, () => does(work)))

/** The same for work in which none begins. It has many steps: before Node 24, to keep their place costs all promises of a thread. */
export const tally = <T>(about: WorkFacts, does: (work: Work) => Promise<T>): Promise<T> => say(about, does)

async function say<T>(about: WorkFacts, does: (work: Work, id: string) => Promise<T>): Promise<T> {
  if (!isHeard()) return does(SILENT, '')
  const id = `${threadId}.${begun++}`
  const { id: parent = null, share = 0 } = places.getStore() ?? {}
  const grain = (about.total ?? 0) * GRAIN
  let [done, earlier, said] = [0, 0, 0]
  const tell = (what: string) => {
    said = done
    publish({ id, done, earlier, what })
  }
  const add = (amount: number, what = '') => {
    done += amount
    if (what || done - said >= grain) tell(what)
  }
  const work: Work = {
    add,
    found(amount) {
      earlier += amount
      done += amount
      tell('')
    },
    async part(amount, does) {
      const result = await places.run({ id, share: amount }, does)
      add(amount)
      return result
    },
    relay: (message, share) =>
      publish('begin' in message && message.parent === null ? { ...message, parent: id, share } : message),
  }
  publish({ id, begin: about, parent, share })
  try {
    return await does(work, id)
  } finally {
    publish({ id, end: true })
  }
}

const SILENT: Work = {
  add: () => undefined,
  found: () => undefined,
  part: (_, does) => does(),
  relay: () => undefined,
}
