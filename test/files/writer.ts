// A process that writes a folder as commands do: `<folder> <text> <overwrite> <step>` writes a file `text` of that content, and
// kills itself before its step-th change of the file system; `-` in place of the step is never.
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { UserError } from '../../src/errors/index.js'

const [folder, text, overwrite, step] = process.argv.slice(2)
let left = step === '-' ? Infinity : Number(step)
for (const name of ['mkdtemp', 'writeFile', 'rename', 'unlink', 'rmdir', 'rm', 'chmod'] as const) {
  const real = promises[name] as (...given: unknown[]) => Promise<unknown>
  Object.assign(promises, {
    [name]: (...given: unknown[]) => (left-- === 0 ? void process.kill(process.pid, 'SIGKILL') : real(...given)),
  })
}
syncBuiltinESMExports()
const { writeFolder } = await import('../../src/files/folder.js')
try {
  await writeFolder(folder!, { overwrite: overwrite === 'true', bytes: 0 }, (partial) =>
    promises.writeFile(join(partial, 'text'), text!),
  )
  process.stdout.write('written')
} catch (error) {
  if (!(error instanceof UserError)) throw error
  process.stdout.write(error.message)
}
