// Other programs that commands call: compilers, pip, npm, the engines of clusters. Each ends with the command that called it.
import { type SpawnOptions, spawn } from 'node:child_process'
import { UserError } from '../errors/index.js'
import { hold } from '../files/index.js'

/** What became of a program. */
export interface Ended {
  /** Null where a signal ended it. */
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end. Resolves to null where there is no such program. */
export function runTool(
  [command, ...words]: readonly string[],
  { cwd, env }: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): Promise<Ended | null> {
  return new Promise((done, fail) => {
    const child = spawn(command!, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const release = child.pid === undefined ? () => undefined : hold({ kind: 'processes', group: child.pid })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
    child.once('error', (error: NodeJS.ErrnoException) => {
      release()
      if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(error.code ?? '')) done(null)
      else fail(error)
    })
    child.once('close', (code) => {
      release()
      done({ code, ...texts })
    })
  })
}

/**
 * Runs a program that must succeed.
 * @param purpose what it is for, as the error says it: "npm cannot fetch the sources"
 * @returns what it printed to stdout
 * @throws UserError with the line in which it says why it failed
 */
export async function needTool(purpose: string, words: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const ended = await runTool(words, options)
  if (ended === null) throw new UserError(`${purpose}: there is no program ${words[0]}`)
  if (ended.code === 0) return ended.stdout
  throw new UserError(
    `${purpose}: ${reasonIn(`${ended.stderr}\n${ended.stdout}`) ?? `it ended with code ${ended.code}`}`,
  )
}

/** A word for a shell, quoted where it must be. */
export const quoteWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** The line of a failed program's output that says why. */
export function reasonIn(output: string): string | null {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !/^npm (?:error|ERR!)(?: (?:A complete log|code|syscall|errno)\b|$)/.test(line))
  const reasons = [/^F\d{4} |: F /, /\b(?:fatal )?error: /i, /^npm (?:error|ERR!) /, /\berror\b/i].map((form) =>
    lines.find((line) => form.test(line)),
  )
  return reasons.find((line) => line !== undefined) ?? lines.at(-1) ?? null
}
