// A process that reads changed files of one kind, one after the other. It may hang, fill its memory or end: the process that
// started it watches.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKind } from './attempt.js'
import { KINDS } from './kinds.js'

const [name, first, end, seed] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'deltalab-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** More than this for one file of a few hundred kilobytes is wild. */
const MEMORY = 1 << 30

const attempt = await openKind(KINDS.find((kind) => kind.name === name)!, folder, Number(seed))
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
for (; number < Number(end); number++) {
  const peak = process.resourceUsage().maxRSS
  const found = await attempt(number)
  const grown = (process.resourceUsage().maxRSS - peak) * 1024
  process.send!(
    grown > MEMORY ? { ...found, kind: 'memory', text: `${Math.round(grown / 1e6)} MB more than before` } : found,
  )
}
process.exit(0)
