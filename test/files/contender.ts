// A process that takes a lock when it is told: reads `<path> <milliseconds since 1970>` from its input, waits for that moment,
// and answers `held` or `refused`. What it holds it keeps until the next line.
import { createInterface } from 'node:readline'
import { takeLock } from '../../src/files/lock.js'

let release = () => {}
for await (const line of createInterface({ input: process.stdin })) {
  release()
  release = () => {}
  const [path, moment] = line.split(' ')
  if (path === '-') {
    process.stdout.write('released\n')
    continue
  }
  while (Date.now() < Number(moment));
  try {
    release = takeLock(path!, () => new Error('refused'))
    process.stdout.write('held\n')
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`)
  }
}
