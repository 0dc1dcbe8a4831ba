// A process that reads changed files of one kind, one after the other, and says of each what came of it. It may hang, fill its
// memory or end: the process that started it watches.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../src/errors/index.js'
import type { Outcome } from './run.js'
import { KINDS } from './kinds.js'
import { mutate } from './mutate.js'

const [name, first, count, seed] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'deltalab-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** More than this for one file of a few hundred kilobytes is wild. */
const MEMORY = 1 << 30

/** Words of an engine that found no value where one was taken for granted: an error that only stands in a line for people. */
const RAW = /\b(undefined|is not a function|is not iterable|Cannot (read|convert|destructure)|Maximum call stack|Invalid (array|typed array|string) length|\[object Object\]|at \w+ \()/

function sayError(error: unknown): Outcome {
  if (!(error instanceof UserError)) return { kind: 'trace', text: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  const { message } = error
  return RAW.test(message) || message.length > 4000 ? { kind: 'unclear', text: message.slice(0, 1000) } : { kind: 'line', text: message }
}

const numbersIn = (value: unknown): number[] =>
  typeof value === 'number' ? [value] : typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []

const kind = KINDS.find((each) => each.name === name)!
const samples = await kind.open(folder)
const originals = samples.map(({ file }) => readFileSync(file))
const meant: unknown[] = []
for (const [i, { read }] of samples.entries()) meant[i] = JSON.stringify(await read())

async function outcomeOf(number: number): Promise<Outcome & { what: string }> {
  const at = number % samples.length
  const { bytes, neutral, what } = mutate(kind.form, originals[at], Number(seed) + number)
  writeFileSync(samples[at].file, bytes)
  const peak = process.resourceUsage().maxRSS
  try {
    const found = await samples[at].read()
    const odd = numbersIn(found).find((each) => !Number.isFinite(each))
    if (odd !== undefined) return { kind: 'wrong', text: `found ${odd}`, what }
    if (neutral && JSON.stringify(found) !== meant[at]) return { kind: 'wrong', text: `a neutral change changed what was found: ${JSON.stringify(found)?.slice(0, 300)}`, what }
    return { kind: 'fine', text: '', what }
  } catch (error) {
    return neutral ? { kind: 'wrong', text: `a neutral change was refused: ${String((error as Error).stack)}`, what } : { ...sayError(error), what }
  } finally {
    writeFileSync(samples[at].file, originals[at])
    const grown = (process.resourceUsage().maxRSS - peak) * 1024
    if (grown > MEMORY) process.send!({ number, kind: 'memory', text: `${Math.round(grown / 1e6)} MB more than before`, what })
  }
}

let number = Number(first)
// What escapes from a read ends the process: the next change begins in a fresh one.
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: Error) => {
    process.send!({ number, kind: 'trace', text: `${event}: ${error?.stack ?? error}`, what: '' })
    process.disconnect()
    process.exitCode = 3
  })
}
process.send!({ ready: true })
for (; number < Number(count); number++) process.send!({ number, ...(await outcomeOf(number)) })
process.exit(0)
