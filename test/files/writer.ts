// A process that writes a folder as commands do: `<folder> <text> <overwrite> <step> [<fingerprint>]` writes a file `text` of that
// content, and kills itself before its step-th change of the file system; `-` in place of the step is never. With a fingerprint,
// each letter is a block of a journal, and the folder is taken up where another process left it; before a letter it says
// so and waits a millisecond; before the letter that HOLD names it waits for a minute, to be stopped there on any machine.
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { UserError } from '../../src/errors/index.js'

const [folder, text, overwrite, step, fingerprint] = process.argv.slice(2)
let left = step === '-' ? Infinity : Number(step)
/** Calls of node's own functions among themselves do not count. */
let depth = 0
const watch = (module: object, names: readonly string[]) => {
  for (const name of names) {
    const real = (module as Record<string, (...given: unknown[]) => unknown>)[name]!
    const counted = (...given: unknown[]) => {
      if (depth === 0 && left-- === 0) return void process.kill(process.pid, 'SIGKILL')
      depth++
      try {
        return real(...given)
      } finally {
        depth--
      }
    }
    Object.assign(module, { [name]: counted })
  }
}
watch(promises, ['mkdtemp', 'writeFile', 'rename', 'unlink', 'rmdir', 'rm', 'chmod'])
watch(fs, [
  'writeFileSync',
  'writeSync',
  'ftruncateSync',
  'linkSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'rmdirSync',
])
syncBuiltinESMExports()
const { writeFolder } = await import('../../src/files/folder.js')
const { fillAtOnce, fillLetters } = await import('./letters.js')

process.once('SIGTERM', () => process.exit(143))
try {
  const resume = fingerprint === undefined ? undefined : { fingerprint, discard: false, note: console.error }
  const wait = (at: number) => (String(at) === process.env.HOLD ? 60_000 : 1)
  const fill = resume ? fillLetters(text!, console.error, wait) : fillAtOnce(text!)
  await writeFolder(folder!, { overwrite: overwrite === 'true', bytes: 0, resume }, fill)
  process.stdout.write('written')
} catch (error) {
  if (!(error instanceof UserError)) throw error
  process.stdout.write(error.message)
}
