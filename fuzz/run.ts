// Runs changed files of a kind in a process that is watched, and counts what came of each.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Outcome {
  /**
   * `line`: refused in one clear line. `fine`: read. `unclear`: a line that is made of an engine's words. `trace`: an error
   * that is not for people. `hang`: no end in time. `memory`: far more than the file. `abort`: the process ended. `wrong`: a
   * number that is none, or a neutral change that was not.
   */
  kind: 'line' | 'fine' | 'unclear' | 'trace' | 'hang' | 'memory' | 'abort' | 'wrong'
  text: string
}

export interface Finding extends Outcome {
  /** Number of the change: with kind and seed it makes the same file again. */
  number: number
  what: string
}

export interface Tally {
  counts: Partial<Record<Outcome['kind'], number>>
  findings: Finding[]
}

/** Seconds that a file may take. */
const PATIENCE = 10
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))

/** Changes `first` … `first + runs − 1` of a kind. */
export async function runKind(
  kind: string,
  { first = 0, runs, seed }: { first?: number | undefined; runs: number; seed: number },
): Promise<Tally> {
  const tally: Tally = { counts: {}, findings: [] }
  const take = (found: Finding) => {
    tally.counts[found.kind] = (tally.counts[found.kind] ?? 0) + 1
    if (found.kind !== 'line' && found.kind !== 'fine') tally.findings.push(found)
  }
  let next = first
  while (next < first + runs) next = await watch(kind, next, first + runs, seed, take)
  return tally
}

/** One process, to its end or its fall; returns the number of the change that follows. */
function watch(
  kind: string,
  first: number,
  end: number,
  seed: number,
  take: (found: Finding) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, [kind, String(first), String(end), String(seed)], {
      execArgv: ['--max-old-space-size=2048'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let [next, ready, hung, said] = [first, false, false, '']
    child.stderr!.on('data', (text) => (said = `${said}${text}`.slice(-2000)))
    const kill = () => {
      hung = true
      child.kill('SIGKILL')
    }
    let timer = setTimeout(kill, 6 * PATIENCE * 1000)
    child.on('message', (message: Finding & { ready?: true }) => {
      clearTimeout(timer)
      timer = setTimeout(kill, PATIENCE * 1000)
      if (message.ready) return void (ready = true)
      next = message.number + 1
      take(message)
    })
    child.on('exit', (code) => {
      clearTimeout(timer)
      if (next >= end) return resolve(end)
      if (!ready) return reject(new Error(`${kind}: the valid files cannot be read: ${said}`))
      if (code === 0) return resolve(next)
      take({ number: next, kind: hung ? 'hang' : 'abort', text: hung ? `no end in ${PATIENCE} s` : said, what: '' })
      resolve(next + 1)
    })
  })
}
