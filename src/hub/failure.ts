// What goes wrong with the hub, said for people: not found, not allowed, too often asked, no network.
import { HubApiError } from '@huggingface/hub'
import { UserError } from '../errors/index.js'
import { isBare, type Repository } from './reference.js'
import { isBusy, type Refusal } from './request.js'
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

/** Fewer bytes came than a file has. */
export class Cut extends Error {}

/** True where the network, not an answer of the hub, is what failed; trying again may help. */
export function isOutage(error: unknown): boolean {
  if (error instanceof HubApiError) return isBusy(error.statusCode)
  if (typeof error === 'string' || error instanceof Cut) return true
  // `fetch` gives the reason as a cause.
  return (codeOf(error) !== undefined && !cannotWrite(error)) || (error as Error).cause instanceof Error
}

const codeOf = (error: unknown): string | undefined => {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return cause?.code ?? code
}

/** A model, data set or file, as errors begin with it. A name without organisation may be meant as a folder. */
export function describeRepository({ type, name, revision, near }: Repository, path?: string): string {
  const whole = `${name}${revision === 'main' ? '' : `@${revision}`}${path ? `, ${path}` : ''}`
  if (type === 'dataset') return `data set ${whole}:`
  const meant = near === undefined ? '' : ` (did you mean ${near}?)`
  return isBare(name) && !path ? `${whole}: no such checkpoint folder${meant}, and` : `model ${whole}:`
}

/** The UserError for an error of a request about `repository` (and its file `path`). */
export function failureOf(error: unknown, repository: Repository, settings: HubSettings, path?: string): UserError {
  if (error instanceof UserError) return error
  const { endpoint, cache } = settings
  const what = describeRepository(repository, path)
  if (cannotWrite(error)) {
    const hint = 'start again to go on, or name another folder in HF_HUB_CACHE'
    return new UserError(`${what} cannot be written to ${cache} (${UNWRITABLE[codeOf(error)!]}); ${hint}`, {
      cause: error,
    })
  }
  if (error instanceof HubApiError)
    return new UserError(`${what} ${refusalOf(error, repository, settings)}`, { cause: error })
  const { message, cause } = error as Error
  const reason =
    typeof error === 'string' ? error : (codeOf(error) ?? (cause instanceof Error ? cause.message : message))
  const said = isOutage(error)
    ? `the hub at ${endpoint} cannot be reached (${reason}); download it elsewhere and give its folder`
    : `${endpoint} does not answer as a hub does (${oneLine(reason)}): a page to log in to the network, or HF_ENDPOINT is not the address of a hub`
  return new UserError(`${what} ${said}`, { cause: error })
}

const LOGIN = 'log in with `hf auth login`, or set HF_TOKEN'

/** Why the hub refuses, by its own code where it gives one. It answers 401 for what it has not, too, to those that it does not know. */
function refusalOf(
  { statusCode: status, data }: HubApiError,
  { type, name, revision }: Repository,
  { endpoint, token, tokenFrom = 'HF_TOKEN' }: HubSettings,
): string {
  const kind = type === 'dataset' ? 'data set' : 'model'
  const { code, error, after, storage } = (data ?? {}) as Refusal
  const said = error ? `: ${oneLine(error, token)}` : ''
  if (storage && !code && status !== 429)
    return `${storage}, where the hub at ${endpoint} keeps it, answers ${status}${said}`
  if (code === 'RevisionNotFound')
    return `the hub at ${endpoint} has no branch, tag or commit ${JSON.stringify(revision)} of it`
  if (code === 'EntryNotFound') return `the hub at ${endpoint} lists this file and does not have it`
  if (code === 'GatedRepo' || /\bgated\b|restricted/i.test(error ?? '')) {
    const page = `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${name}`
    return `it is gated: ask for access at ${page}${token ? `; the token in ${tokenFrom} has none so far` : `, and ${LOGIN}`}`
  }
  if (status === 401 && token && /invalid (credentials|user)/i.test(error ?? ''))
    return `the hub at ${endpoint} does not accept the token in ${tokenFrom}${said}; log in again, or remove it for a public ${kind}`
  if (code === 'RepoNotFound' || status === 401 || status === 404)
    return token
      ? `the hub at ${endpoint} has no such ${kind}, or it is private or gated and the token in ${tokenFrom} has no access to it`
      : `the hub at ${endpoint} has no such ${kind} for everyone; if it is private or gated, ${LOGIN}`
  if (status === 403)
    return `the hub at ${endpoint} does not allow it${said}${token ? ` (with the token in ${tokenFrom})` : `; ${LOGIN}`}`
  if (status === 429) {
    const when = after ? ` in ${after} seconds` : ' later'
    return `the hub at ${endpoint} answers 429, too many requests${said}; try again${when}${token ? '' : `; with a login it allows more (${LOGIN})`}`
  }
  return `the hub at ${endpoint} answers ${status}${said}`
}

const oneLine = (text: string, secret = '') =>
  (secret ? text.replaceAll(secret, '…') : text).replace(/\s+/g, ' ').slice(0, 300)
