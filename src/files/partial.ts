// The folder that output grows in, beside its name: a new one, or what a run of the same work left when it was stopped.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { changeBetween } from './fingerprint.js'
import { hold } from './holds.js'
import { type OpenBlockJournal, openBlockJournal, readJournal } from './journal.js'
import { dropUnfinished, PARTIAL, unfinishedOf } from './leftovers.js'
import { markUnfinished, removeUnfinished } from './manifest.js'

/** How an interrupted run is taken up again. */
export interface Resume {
  /** Of the work (fingerprintOf): only a folder of the same one is taken up. */
  fingerprint: string
  /** Drop what an interrupted run finished. */
  discard: boolean
  /** Told in a sentence what becomes of an unfinished folder. */
  note: (text: string) => void
}

/** A folder that is being written. */
export interface PartialFolder {
  path: string
  journal: OpenBlockJournal
  /** To be called when it is gone, or has its name. */
  release: () => void
}

/** @param folder the name as the user gave it @param target where it is */
export async function openPartial(folder: string, target: string, resume: Resume | undefined): Promise<PartialFolder> {
  let path: string | undefined
  for (const left of await unfinishedOf(target)) {
    const change = resume && !resume.discard ? changeBetween(readJournal(left)!.fingerprint, resume.fingerprint) : ''
    if (change === null && path === undefined) path = left
    else {
      if (change) resume!.note(`${folder} was begun before and starts anew: ${change}`)
      await dropUnfinished(folder, left)
    }
  }
  const fingerprint = resume?.fingerprint ?? null
  const place = path ?? target + PARTIAL + randomBytes(3).toString('hex')
  const release = hold({ kind: 'partial', path: place, name: folder }, resume?.note)
  try {
    if (path === undefined) {
      await mkdir(place)
      await markUnfinished(place)
    }
    return { path: place, journal: openBlockJournal(place, fingerprint), release }
  } catch (error) {
    if (path === undefined && existsSync(place)) removeUnfinished(place)
    release()
    throw error
  }
}

export function removePartial({ path, journal, release }: PartialFolder): void {
  journal.close()
  removeUnfinished(path)
  release()
}
