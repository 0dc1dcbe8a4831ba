// What goes wrong with the hub, said for people: not found, not allowed, no network.
import { HubApiError } from '@huggingface/hub'
import { UserError } from '../errors/index.js'
import type { Repository } from './reference.js'
import { isBusy } from './retry.js'
import type { HubSettings } from './settings.js'

/** What a file system says that takes nothing, and a network does not. */
const UNWRITABLE: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file is too large for it',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'it is read-only',
  ENOTDIR: 'a file stands in its place',
}

const cannotWrite = (error: unknown): boolean => (codeOf(error) ?? '') in UNWRITABLE

/** True where the network, not an answer of the hub, is what failed; trying again may help. */
export function isOutage(error: unknown): boolean {
  if (error instanceof HubApiError) return isBusy(error.statusCode)
  return error instanceof TypeError || typeof error === 'string' || (codeOf(error) !== undefined && !cannotWrite(error))
}

const codeOf = (error: unknown): string | undefined => {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return cause?.code ?? code
}

/** The UserError for an error of a request about `repository` (and its file `path`). */
export function failureOf(
  error: unknown,
  { type, name, revision }: Repository,
  { endpoint, token, cache }: HubSettings,
  path?: string,
): UserError {
  if (error instanceof UserError) return error
  const what = `${type === 'dataset' ? 'data set' : 'model'} ${name}${revision === 'main' ? '' : `@${revision}`}${path ? `, ${path}` : ''}`
  if (cannotWrite(error)) {
    const hint = 'start again to go on, or name another folder in HF_HUB_CACHE'
    return new UserError(`${what}: cannot be written to ${cache} (${UNWRITABLE[codeOf(error)!]}); ${hint}`, {
      cause: error,
    })
  }
  if (!(error instanceof HubApiError)) {
    const reason = codeOf(error) ?? (typeof error === 'string' ? error : (error as Error).message)
    return new UserError(
      `${what}: the hub at ${endpoint} cannot be reached (${reason}); download it elsewhere and give its folder`,
      { cause: error },
    )
  }
  const access = token ? 'the token in HF_TOKEN has no access to it' : 'set HF_TOKEN to a token that has access'
  const reasons: Record<number, string> = {
    401: `the hub at ${endpoint} has no such ${type} for everyone; if it is gated or private, ${access}`,
    403: `it is gated or private: ask for access on its page at ${endpoint}; ${access}`,
    404: `the hub at ${endpoint} has none of this name and revision`,
  }
  return new UserError(
    `${what}: ${reasons[error.statusCode] ?? `the hub at ${endpoint} answers ${error.statusCode}: ${oneLine(error.message)}`}`,
    {
      cause: error,
    },
  )
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, 300)
