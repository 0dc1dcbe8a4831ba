// Requests to a hub that may be busy: asked again a little later, when the hub says or after growing pauses.
import { setTimeout as wait } from 'node:timers/promises'

/** Times that one request is sent, and the longest pause before the next, seconds. */
const TRIES = 3
const LONGEST = 30

/** Statuses of a hub that has too much to do. */
export const isBusy = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** `fetch`, again after `Retry-After` (else half a second, then one) while the hub is busy; the last answer is returned as it is. */
export async function fetchWithRetry(...request: Parameters<typeof fetch>): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(...request)
    if (!isBusy(response.status) || tries === TRIES) return response
    await response.body?.cancel()
    const asked = Number(response.headers.get('retry-after') ?? NaN)
    await wait(1000 * (asked >= 0 ? Math.min(asked, LONGEST) : tries / 2))
  }
}
