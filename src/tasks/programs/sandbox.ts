// Runs a Python program that a model wrote: in a process of its own with limits of time, memory, files and processes, with
// no network, without the user's files and environment, in an empty folder that is deleted after. Nothing here is used
// unless a person asks for it.
import { execFileSync, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../errors/index.js'
import { hold, makeTemporary } from '../../files/index.js'
import { ENVIRONMENT, findIsolation, type Isolation } from './isolation.js'
import { JUDGE } from './judge.js'
import { watch } from './watch.js'

export interface Limits {
  /** Seconds for the program itself; the reference evaluation of HumanEval gives 3. */
  seconds: number
  /** Bytes: address space of each process, and resident memory of all together. */
  memory: number
}

/** Processes of one program, the judge and what isolates them among them. */
const PROCESSES = 32

const LIMITS: Limits = { seconds: 3, memory: 4 * 2 ** 30 }

/** What is tried: a program that nobody has read, and the tests of it. */
export interface Trial {
  program: string
  /** Python statements that call what the program defines; run outside of its process. */
  tests?: string
  /** The task's own definitions, for the tests, but for the one that the program is asked for. */
  given?: string
  entry?: string
}

export interface Sandbox {
  /** True when the program runs to its end within the limits, raises nothing, and its tests raise nothing. */
  passes(trial: string | Trial): Promise<boolean>
}

/** Python, and the folders that it is made of. */
interface Python {
  path: string
  folders: string[]
}

function findPython(): Python {
  const asked = 'import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix]))'
  try {
    const [path = '', ...folders] = JSON.parse(
      execFileSync('python3', ['-c', asked], { encoding: 'utf8', timeout: 10_000 }),
    ) as string[]
    return { path, folders: [...new Set(folders)].filter((folder) => folder !== '/usr') }
  } catch (cause) {
    throw new UserError('generated programs are run by python3, which is not there', { cause })
  }
}

/** @throws UserError where there is no Python, or no way to cut a process off the network */
export function openSandbox(limits: Limits = LIMITS): Sandbox {
  const python = findPython()
  const way = findIsolation([python.path, '-I', '-c', ''], python.folders)
  if (!way)
    throw new UserError(
      'generated programs are not run: this system gives no way to cut a process off the network (unshare, sandbox-exec)',
    )
  return { passes: (trial) => runTrial(typeof trial === 'string' ? { program: trial } : trial, python, way, limits) }
}

async function runTrial(
  { program, tests = '', given = '', entry = '' }: Trial,
  python: Python,
  way: Isolation,
  limits: Limits,
): Promise<boolean> {
  const { path: folder, remove } = makeTemporary('program')
  try {
    await writeFile(join(folder, 'judge.py'), JUDGE)
    const { seconds, memory } = limits
    // One option a time: not every shell takes several.
    const caps = [
      `-t ${Math.ceil(seconds) + 5}`,
      '-f 20480',
      '-n 64',
      ...(process.platform === 'linux' ? [`-v ${Math.floor(memory / 1024)}`] : []),
    ]
    const ulimits = caps.map((cap) => `ulimit ${cap}`).join(' && ')
    const limited = ['sh', '-c', `${ulimits} && exec "$@"`, 'sh', python.path, '-I', 'judge.py']
    const input = JSON.stringify({ program, tests, given, entry, seconds })
    return (await outputOf(way(limited, python.folders), folder, input, limits)) === 'passed'
  } finally {
    remove()
  }
}

/** What the judge writes; all processes end with it. The end of its first process ends a namespace of processes, whatever it holds. */
function outputOf(
  [command, ...words]: readonly string[],
  cwd: string,
  input: string,
  { seconds, memory }: Limits,
): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command!, words, { cwd, env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-1000)))
    // A judge that ends early reads no input.
    child.stdin.on('error', () => undefined).end(input)
    const release = child.pid === undefined ? () => undefined : hold({ kind: 'processes', group: child.pid })
    const kill = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    const timer = setTimeout(kill, (seconds + 10) * 1000)
    const unwatch = child.pid === undefined ? () => undefined : watch(child.pid, { processes: PROCESSES, memory }, kill)
    const settle = (): void => (clearTimeout(timer), unwatch(), release())
    child.once('error', (error) => (settle(), fail(error)))
    child.once('close', () => (settle(), done(output)))
  })
}
