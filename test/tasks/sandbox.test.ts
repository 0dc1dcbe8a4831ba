// Generated programs: what passes, and what a program cannot do. Passed over where the system has no way to isolate one.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSandbox, type Sandbox } from '../../src/tasks/sandbox.js'
import { METRICS } from '../../src/tasks/index.js'

let sandbox: Sandbox | undefined
let reason: string | false = false
try {
  sandbox = openSandbox({ seconds: 1, memory: 2 ** 30 })
} catch (error) {
  reason = (error as Error).message
}

test('programs pass when they run to their end, and only then', { skip: reason }, async () => {
  const results = await Promise.all(
    ['assert sorted([2, 1]) == [1, 2]', 'assert False', 'syntax error(', 'raise SystemExit(0)', 'import sys\nsys.exit()', 'print("a lot" * 1000)', 'input()'].map((program) => sandbox!.passes(program)),
  )
  assert.deepEqual(results, [true, false, false, false, false, true, false])
})

test('a program is stopped: endless loops, memory, files', { skip: reason }, async () => {
  const results = await Promise.all(
    [
      'while True: pass',
      'try:\n    while True: pass\nexcept Exception: pass',
      'x = bytearray(3 * 2**30)',
      'import os\nos.remove("runner.py")',
      'import os\nos._exit(0)',
      'import subprocess\nsubprocess.run(["true"])',
      'with open("big", "wb") as file: file.write(b"0" * 2**26)',
    ].map((program) => sandbox!.passes(program)),
  )
  assert.deepEqual(results, results.map(() => false))
})

// The kernel sets no such bound to the superuser, whose programs end with their time.
test('a program does not multiply', { skip: reason || (process.getuid?.() === 0 && 'not for root') }, async () => {
  const forks = 'import posix, time\nfor i in range(20):\n    if posix.fork() == 0:\n        time.sleep(9)'
  const threads = 'from concurrent.futures import ThreadPoolExecutor\nassert list(ThreadPoolExecutor(2).map(abs, [-1, 2])) == [1, 2]'
  assert.deepEqual([await sandbox!.passes(forks), await sandbox!.passes(threads)], [false, true])
})

test('a program has no network, not even to this machine', { skip: reason }, async () => {
  let called = 0
  const server = createServer((socket) => (called++, socket.end()))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  assert.equal(await sandbox!.passes(`import socket\nsocket.create_connection(("127.0.0.1", ${port}), 0.5)`), false)
  assert.equal(called, 0)
  await new Promise((done) => server.close(done))
})

test("a program sees neither the user's files nor the environment, and cannot change the system's", { skip: reason || (process.platform !== 'linux' && 'only on Linux') }, async () => {
  const folder = mkdtempSync(join(homedir(), '.sandbox-'))
  const secret = join(folder, 'secret.txt')
  writeFileSync(secret, 'x')
  process.env.SANDBOX_SECRET = 'x'
  try {
    const programs = [
      `open(${JSON.stringify(secret)}).read()`,
      `open(${JSON.stringify(join(process.cwd(), 'package.json'))}).read()`,
      'open("/etc/passwd").read()',
      'open("/usr/written", "w")',
      'import os\nos.environ["SANDBOX_SECRET"]',
      'import ctypes\nassert ctypes.CDLL(None).mount(b"none", b"/usr", None, 32 | 4096, None) == 0',
      'import os\nassert os.listdir("/proc") or os.listdir("/old")',
    ]
    assert.deepEqual(await Promise.all(programs.map((program) => sandbox!.passes(program))), programs.map(() => false))
    assert.equal(await sandbox!.passes('open("own", "w").write("x")\nassert open("own").read() == "x"\nimport json, math, heapq, re, collections'), true)
  } finally {
    rmSync(folder, { recursive: true })
    delete process.env.SANDBOX_SECRET
  }
})

test('HumanEval and MBPP items are right with a right answer', { skip: reason }, async () => {
  const human = { id: '1', prompt: 'def add(a, b):\n', target: '', fields: { test: 'def check(f):\n    assert f(2, 3) == 5\n', entry_point: 'add' } }
  assert.deepEqual([await METRICS.humaneval_pass1.score('    return a + b\n', human), await METRICS.humaneval_pass1.score('    return a * b\n', human)], [1, 0])
  const mbpp = { id: '2', prompt: '', target: '', fields: { test_list: ['assert f(1) == 1', 'assert f(2) == 4', 'assert f(3) == 9'] } }
  assert.deepEqual([await METRICS.mbpp_pass1.score('def f(x):\r\n  return x * x', mbpp), await METRICS.mbpp_pass1.score('def f(x):\n  return x', mbpp)], [1, 0])
})
