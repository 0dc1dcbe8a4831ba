// Requests to the hub: the token goes to the hub alone, what is refused says why, and a hub that is busy is asked again.
import { setTimeout as wait } from 'node:timers/promises'
import type { HubSettings } from './settings.js'

/** Times that one request is sent. */
const TRIES = 3
/** Seconds: the longest pause before the next try, and how long an answer may take to begin. */
const LONGEST = 30

/** Statuses of a hub that has too much to do. */
export const isBusy = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** What the hub says of a refusal; its headers, which errors of the hub's package do not have. */
export interface Refusal {
  /** `RepoNotFound`, `GatedRepo`, `RevisionNotFound`, `EntryNotFound` … */
  code?: string | null
  error?: string | null
  /** Seconds after which to ask again. */
  after?: number | undefined
  /** Host that the hub sent on to, where that is what refuses. */
  storage?: string | undefined
}

async function explained(response: Response, origin: string): Promise<Response> {
  const { status, headers, url } = response
  const text = await response.text()
  const { origin: answering, host } = new URL(url)
  const refusal: Refusal = {
    code: headers.get('x-error-code'),
    error: headers.get('x-error-message') ?? errorIn(text),
    after: pauseOf(headers),
    ...(answering !== origin && { storage: host }),
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

/** `Retry-After` in seconds, which is a number of them or a date; undefined where there is none. */
function pauseOf(headers: Headers): number | undefined {
  const given = headers.get('retry-after')
  if (given === null) return undefined
  const seconds = /^\d+$/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds))
}

/** `fetch`, given up where no answer begins; how long it then takes is not looked at here. */
async function fetchSoon(input: Parameters<typeof fetch>[0], init: RequestInit): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(`no answer in ${LONGEST} seconds`), 1000 * LONGEST)
  try {
    return await fetch(input, { ...init, signal: late.signal })
  } finally {
    clearTimeout(timer)
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
      const response = await fetchSoon(input, { ...init, headers })
      if (!isBusy(response.status) || tries === TRIES)
        return own && response.status >= 400 ? explained(response, origin) : response
      await response.body?.cancel()
      await wait(1000 * Math.min(pauseOf(response.headers) ?? tries / 2, LONGEST))
    }
  }
}
