// Runs a Python program that a model wrote: in a process of its own with limits of time, memory, files and processes, with
// no network, without the user's files and environment, in an empty folder that is deleted after. Nothing here is used
// unless a person asks for it.
import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors/index.js'
import { ENVIRONMENT, findIsolation, type Isolation } from './isolation.js'

export interface Limits {
  /** Seconds for the program itself; the reference evaluation of HumanEval gives 3. */
  seconds: number
  /** Address space, bytes. */
  memory: number
}

const LIMITS: Limits = { seconds: 3, memory: 4 * 2 ** 30 }

/**
 * Reads the program, takes away what harms a machine (as the reference evaluation does), runs it with nothing to read and
 * its output thrown away, and says the word it was given only when the program ran to its end.
 */
const RUNNER = `
import builtins, io, os, resource, signal, shutil, subprocess, sys
program = open(sys.argv[1]).read()
word, seconds = sys.argv[2], float(sys.argv[3])
del sys.argv[1:]
say = os.fdopen(os.dup(1), 'w')
sys.stdout = sys.stderr = io.StringIO()
sys.stdin = io.StringIO()
leave = os._exit
resource.setrlimit(resource.RLIMIT_NPROC, (8, 8))
for owner, names in ((os, 'system popen fork forkpty kill killpg remove unlink rmdir removedirs rename renames replace truncate chmod chown chroot '
    'lchown setuid putenv execv execve execvp execvpe spawnv spawnve posix_spawn _exit abort'), (shutil, 'rmtree move chown'), (subprocess, 'Popen run call'),
    (builtins, 'exit quit help')):
    for name in names.split():
        if hasattr(owner, name): setattr(owner, name, None)
class TooLong(BaseException): pass
def stop(*_): raise TooLong()
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, seconds)
try:
    exec(compile(program, 'program', 'exec'), {'__name__': '__program__'})
except BaseException as error:
    say.write(type(error).__name__)
else:
    say.write(word)
say.flush()
leave(0)
`

export interface Sandbox {
  /** True when the program runs to its end within the limits and raises nothing. */
  passes(program: string): Promise<boolean>
}

/** Python, and the folders that it is made of. */
interface Python {
  path: string
  folders: string[]
}

function findPython(): Python {
  const asked = 'import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix]))'
  try {
    const [path, ...folders] = JSON.parse(execFileSync('python3', ['-c', asked], { encoding: 'utf8', timeout: 10_000 })) as string[]
    return { path, folders: [...new Set(folders)].filter((folder) => folder !== '/usr') }
  } catch (cause) {
    throw new UserError('generated programs are run by python3, which is not there', { cause })
  }
}

/** @throws UserError where there is no Python, or no way to cut a process off the network */
export function openSandbox(limits: Limits = LIMITS): Sandbox {
  const python = findPython()
  const way = findIsolation([python.path, '-I', '-c', ''], python.folders)
  if (!way) throw new UserError('generated programs are not run: this system gives no way to cut a process off the network (unshare, sandbox-exec)')
  return { passes: (program) => runProgram(program, python, way, limits) }
}

async function runProgram(program: string, python: Python, way: Isolation, { seconds, memory }: Limits): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'program-'))
  const word = randomUUID()
  try {
    await Promise.all([writeFile(join(folder, 'runner.py'), RUNNER), writeFile(join(folder, 'program.py'), program)])
    // One option a time: not every shell takes several.
    const caps = [`-t ${Math.ceil(seconds) + 5}`, '-f 20480', '-n 64', ...(process.platform === 'linux' ? [`-v ${Math.floor(memory / 1024)}`] : [])]
    const limits = caps.map((cap) => `ulimit ${cap}`).join(' && ')
    const limited = ['sh', '-c', `${limits} && exec "$@"`, 'sh', python.path, '-I', 'runner.py', 'program.py', word, String(seconds)]
    const [command, ...words] = way(limited, python.folders)
    return (await outputOf(command, words, folder, seconds)).endsWith(word)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function outputOf(command: string, words: string[], cwd: string, seconds: number): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, words, { cwd, env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-1000)))
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), (seconds + 5) * 1000)
    child.once('error', (error) => (clearTimeout(timer), fail(error)))
    child.once('close', () => (clearTimeout(timer), done(output)))
  })
}
