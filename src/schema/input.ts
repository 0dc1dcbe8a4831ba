// Files that people give: read whole and checked, or refused in one clear line.
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { z } from 'zod'
import { UserError } from '../errors/index.js'
import { firstIssue, sayIssue } from './issues.js'
import { KIND_BYTES, kindOfBytes } from './kind.js'

/** An object as JSON or YAML has it. */
export type JsonObject = Record<string, unknown>

/** An object of JSON: neither a list nor null. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const files = new WeakMap<object, string>()

/** The path that an object of `readObject` came from. */
export const fileOf = (value: object, otherwise: string): string => files.get(value) ?? otherwise

/** What else a path may lead to. Reading a named pipe could wait for ever. */
const OTHERS = [
  ['isDirectory', 'a folder'],
  ['isFIFO', 'a named pipe'],
  ['isSocket', 'a socket'],
  ['isCharacterDevice', 'a device'],
  ['isBlockDevice', 'a device'],
] as const

/** What programs keep beside a file until its download has ended: till then it has its whole length, and holes that read as zeros. */
const CONTROL_FILES = [
  ['.aria2', 'aria2'],
  ['.st', 'axel'],
  ['.lftp-pget-status', 'lftp'],
] as const

/** @param missing what the error says when nothing is at the path @throws UserError for what is not a file, and for a download that did not end */
export function checkFile(path: string, missing = 'no such file'): void {
  if (path.includes('\0')) throw new UserError(`${path}: a path holds no NUL`)
  const info = reading(path, missing, () => statSync(path))
  const other = OTHERS.find(([is]) => info[is]())
  // The shell's own pipes have a writer, so they end.
  if (other && !(info.isFIFO() && /^\/dev\/(stdin|fd\/\d+)$/.test(path)))
    throw new UserError(`${path}: is ${other[1]}; a file is wanted`)
  const control = info.isFile() && CONTROL_FILES.find(([ending]) => existsSync(`${path}${ending}`))
  if (control)
    throw new UserError(
      `${path}: its download did not end, as ${basename(path)}${control[0]} beside it says; let ${control[1]} finish it`,
    )
}

/** The bytes of a file, whole. @throws UserError: as checkFile, and for a file that cannot be read */
export function readBytes(path: string, missing?: string): Buffer {
  checkFile(path, missing)
  return reading(path, missing ?? 'no such file', () => readFileSync(path))
}

/** The text of a file, without a byte-order mark. @throws UserError: as readBytes, and for another encoding than UTF-8 */
export function readText(path: string, missing?: string): string {
  return textIn(readBytes(path, missing), path)
}

function textIn(bytes: Buffer, path: string): string {
  try {
    // Without `fatal`, letters of another encoding would be replaced silently.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new UserError(`${path}: is not text in UTF-8`, { cause })
  }
}

/** The object in a JSON file. @throws UserError: as readText, and for other JSON, or none */
export function readObject(path: string, missing?: string): JsonObject {
  const value = readJson(path, missing)
  if (!isObject(value)) throw new UserError(`${path}: not a JSON object`)
  files.set(value, path)
  return value
}

/** What is no JSON at all is named as what it is. */
function readJson(path: string, missing?: string): unknown {
  const bytes = readBytes(path, missing)
  try {
    return parseJson(textIn(bytes, path), path)
  } catch (cause) {
    const start = bytes.subarray(0, KIND_BYTES)
    const kind = /^\s*[{["]/.test(start.toString('latin1')) ? null : kindOfBytes(start, 'json')
    throw kind === null ? cause : new UserError(`${path}: ${kind}`, { cause })
  }
}

/** @param where what the error names @param parse reads the text, JSON.parse by default */
export function parseJson(text: string, where: string, parse: (text: string) => unknown = JSON.parse): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw new UserError(`${where}: not valid JSON (${(cause as Error).message.replace(/\s+/g, ' ')})`, { cause })
  }
}

/** The value as its schema reads it. @throws UserError `where: key.key must be …; got …` for the first thing that is wrong */
export function checkValue<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value, { error: sayIssue })
  if (result.success) return result.data
  const { path, message } = firstIssue(result.error.issues)
  throw new UserError(`${where}: ${path.length ? `${path.join('.')} ` : ''}${message}`)
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read',
  ELOOP: 'is a link to itself',
  ENAMETOOLONG: 'the name is too long',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB',
}

function reading<T>(path: string, missing: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    const reason =
      code === 'ENOENT' || code === 'ENOTDIR'
        ? (brokenLink(path) ?? missing)
        : (REASONS[code] ?? `cannot be read (${code})`)
    throw new UserError(`${path}: ${reason}`, { cause })
  }
}

/** Words for a link that leads nowhere; undefined for what is none. */
function brokenLink(path: string): string | undefined {
  try {
    return `is a link to ${readlinkSync(path)}, which is not there`
  } catch {
    return undefined
  }
}
