// Reads changed files of one kind in this process, and says of each what came of it.
import { readFileSync, writeFileSync } from 'node:fs'
import { UserError } from '../src/errors/index.js'
import type { Kind } from './kind.js'
import { mutate } from './mutate.js'
import type { Finding, Outcome } from './run.js'

/** Words of an engine that found no value where one was taken for granted: an error that only stands in a line for people. */
const RAW =
  /\b(undefined|is not a function|is not iterable|Cannot (read|convert|destructure)|Maximum call stack|Invalid (array|typed array|string) length|\[object Object\]|at \w+ \()/

function sayError(error: unknown): Outcome {
  if (!(error instanceof UserError))
    return { kind: 'trace', text: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  const { message } = error
  return RAW.test(message) || message.length > 4000
    ? { kind: 'unclear', text: message.slice(0, 1000) }
    : { kind: 'line', text: message }
}

const numbersIn = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(numbersIn)
      : []

/** Puts valid files into the folder and reads them; the result makes and reads the change of a number. */
export async function openKind(
  { form, open }: Kind,
  folder: string,
  seed: number,
): Promise<(number: number) => Promise<Finding>> {
  const samples = await open(folder)
  const originals = samples.map(({ file }) => readFileSync(file))
  const meant: string[] = []
  for (const [i, { read }] of samples.entries()) meant[i] = JSON.stringify(await read())
  return async (number) => {
    const at = number % samples.length
    const { bytes, neutral, what } = mutate(form, originals[at]!, seed + number)
    writeFileSync(samples[at]!.file, bytes)
    try {
      const found = await samples[at]!.read()
      const odd = numbersIn(found).find((each) => !Number.isFinite(each))
      if (odd !== undefined) return { number, what, kind: 'wrong', text: `found ${odd}` }
      if (!neutral || JSON.stringify(found) === meant[at]) return { number, what, kind: 'fine', text: '' }
      return {
        number,
        what,
        kind: 'wrong',
        text: `a neutral change changed what was found: ${JSON.stringify(found)?.slice(0, 300)}`,
      }
    } catch (error) {
      return {
        number,
        what,
        ...(neutral
          ? { kind: 'wrong', text: `a neutral change was refused: ${String((error as Error).stack)}` }
          : sayError(error)),
      }
    } finally {
      writeFileSync(samples[at]!.file, originals[at]!)
    }
  }
}
