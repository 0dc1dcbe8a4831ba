// The thread in which a command of the program runs. Its streams lead to those of the main thread.
import { parentPort, setEnvironmentData, threadId, workerData } from 'node:worker_threads'
import { callCommand } from './call.js'
import type { Shown } from './display.js'
import { showProgress } from './messages.js'

const { stdout, stderr } = workerData as Record<
  'stdout' | 'stderr',
  Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>
>
Object.assign(process.stdout, stdout)
Object.assign(process.stderr, stderr)

setEnvironmentData('deltalab command', threadId)

const show = (progress: Shown): void => parentPort!.postMessage({ progress })
showProgress(show)

const code = await callCommand(process.argv.slice(2))
show({ phase: null })
// An exit would discard what the main thread has not taken yet.
for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write('', done))
if (code !== 0) process.exit(code)
