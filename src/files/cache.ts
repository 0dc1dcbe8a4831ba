// The folder of what may be made again at any time.
import os from 'node:os'
import { isAbsolute, join } from 'node:path'

/** That of deltalab, in the user's cache (XDG Base Directory Specification: a path that is not absolute is none). */
export function cacheFolder({ XDG_CACHE_HOME: cache = '' }: NodeJS.ProcessEnv = process.env): string {
  return join(isAbsolute(cache) ? cache : join(os.homedir(), '.cache'), 'deltalab')
}
