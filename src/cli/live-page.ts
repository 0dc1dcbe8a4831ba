// The page of a sweep that runs: written again when there are new rows, and a last time when the sweep has finished.
import { join } from 'node:path'
import { type Live, shardsFolder } from '../record/index.js'

/** Seconds after which the page loads itself again, and is written again. */
const REFRESH = 10

/**
 * Keeps the page of a results folder. Each call of what it returns may write it, and says whether it did.
 * @throws UserError where something else than a page has that name
 */
export async function keepPage(results: string, file: string): Promise<(live: Live) => Promise<boolean>> {
  const { checkPageFile, writePage } = await import('../report/index.js')
  await checkPageFile(file)
  let [written, next] = ['', 0]
  return async ({ done, finished, parts }) => {
    const state = `${done} ${finished}`
    if (done === 0 || state === written || (!finished && Date.now() < next)) return false
    const start = Date.now()
    const withRows = parts.filter((part) => part.done > 0)
    const folders = withRows.map(({ name }) => (name ? join(shardsFolder(results), name) : results))
    await writePage(file, folders, finished ? {} : { refresh: REFRESH })
    written = state
    // A page of many rows takes seconds: most of the time is left to the sweep.
    next = Date.now() + Math.max(1000 * REFRESH, 10 * (Date.now() - start))
    return true
  }
}
