// Requests to the hub: the token goes to the hub alone, what is refused says why, and a hub that is busy is asked again.
import { setTimeout as wait } from 'node:timers/promises'
import type { HubSettings } from './settings.js'

/** Times that one request is sent, and the longest pause before the next, seconds. */
const TRIES = 3
const LONGEST = 30

/** Statuses of a hub that has too much to do. */
export const isBusy = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** What the hub says of a refusal; its headers, which errors of the hub's package do not have. */
export interface Refusal {
  /** `RepoNotFound`, `GatedRepo`, `RevisionNotFound`, `EntryNotFound` … */
  code?: string | null
  error?: string | null
  /** Seconds after which to ask again. */
  after?: string | null
}

async function explained(response: Response): Promise<Response> {
  const { status, headers } = response
  const text = await response.text()
  const refusal: Refusal = {
    code: headers.get('x-error-code'),
    error: headers.get('x-error-message') ?? errorIn(text),
    after: headers.get('retry-after'),
  }
  const kept = new Headers(headers)
  for (const name of ['content-length', 'content-encoding']) kept.delete(name)
  kept.set('content-type', 'application/json')
  return new Response(JSON.stringify(refusal), { status, headers: kept })
}

/** The `error` of a JSON answer; null for an HTML page and the like. */
function errorIn(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' ? error : null
  } catch {
    return null
  }
}

/**
 * `fetch` for what speaks to the hub, where that is not given the token: it is added to requests to the hub's own address, and
 * to no other (signed addresses of storage, also after a redirect: `fetch` drops it there). Again after `Retry-After` (else half a
 * second, then one) while the hub is busy; the last answer is returned.
 */
export function hubFetch({ endpoint, token }: Pick<HubSettings, 'endpoint' | 'token'>): typeof fetch {
  const { origin } = new URL(endpoint)
  return async (input, init = {}) => {
    const address = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init.headers)
    const own = address.origin === origin
    if (own && token && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`)
    for (let tries = 1; ; tries++) {
      const response = await fetch(input, { ...init, headers })
      if (!isBusy(response.status) || tries === TRIES)
        return own && response.status >= 400 ? explained(response) : response
      await response.body?.cancel()
      const asked = Number(response.headers.get('retry-after') ?? NaN)
      await wait(1000 * (asked >= 0 ? Math.min(asked, LONGEST) : tries / 2))
    }
  }
}
