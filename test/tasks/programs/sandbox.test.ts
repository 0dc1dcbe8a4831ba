// Generated programs: what passes, and what a program cannot do. Passed over where the system has no way to isolate one.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ANSWER_METRICS } from '../../../src/tasks/index.js'
import { openSandbox, type Sandbox, type Trial } from '../../../src/tasks/programs/sandbox.js'

let sandbox: Sandbox | undefined
let reason: string | false = false
try {
  sandbox = openSandbox({ seconds: 1, memory: 2 ** 30 })
} catch (error) {
  reason = (error as Error).message
}

const hasNumpy = spawnSync('python3', ['-I', '-c', 'import numpy']).status === 0

test('programs pass when they run to their end, and only then', { skip: reason }, async () => {
  const results = await Promise.all(
    [
      'assert sorted([2, 1]) == [1, 2]',
      'assert False',
      'syntax error(',
      'raise SystemExit(0)',
      'import sys\nsys.exit()',
      'print("a lot" * 1000)',
      'input()',
    ].map((program) => sandbox!.passes(program)),
  )
  assert.deepEqual(results, [true, false, false, false, false, true, false])
})

test('a program is stopped: endless loops, memory, files', { skip: reason }, async () => {
  const results = await Promise.all(
    [
      'while True: pass',
      'try:\n    while True: pass\nexcept Exception: pass',
      'x = bytearray(3 * 2**30)',
      'import os\nos.remove("judge.py")',
      'import os\nos._exit(0)',
      'import subprocess\nsubprocess.run(["true"])',
      'with open("big", "wb") as file: file.write(b"0" * 2**26)',
    ].map((program) => sandbox!.passes(program)),
  )
  assert.deepEqual(
    results,
    results.map(() => false),
  )
})

test('all processes of a program have one bound, for the superuser too', {
  skip: reason || (process.platform !== 'linux' && 'only on Linux'),
}, async () => {
  const small = openSandbox({ seconds: 2, memory: 2 ** 28 })
  const forks =
    'import posix, time\nfor i in range(40):\n    if posix.fork() == 0:\n        time.sleep(2)\n        posix._exit(0)\ntime.sleep(1)'
  const together =
    'import posix, time\nfor i in range(4):\n    if posix.fork() == 0:\n        x = bytearray(10**8)\n        for i in range(0, 10**8, 4096): x[i] = 1\n        time.sleep(2)\n        posix._exit(0)\ntime.sleep(1.5)'
  const threads =
    'from concurrent.futures import ThreadPoolExecutor\nassert list(ThreadPoolExecutor(2).map(abs, [-1, 2])) == [1, 2]'
  assert.deepEqual(await Promise.all([forks, together, threads].map((program) => small.passes(program))), [
    false,
    false,
    true,
  ])
})

test('what a program returns is compared outside of its process', { skip: reason }, async () => {
  const right: Trial[] = [
    {
      program: 'def f(x):\n    return (1, None, True, 2.5, "é", {"k": [x, (2,)]}, {3}, 1 + 2j)',
      tests: 'assert f(b"x") == (1, None, True, 2.5, "é", {"k": [b"x", (2,)]}, {3}, 1 + 2j)',
    },
    { program: 'def f(n):\n    yield from range(n)', tests: 'assert list(f(3)) == [0, 1, 2]' },
    {
      program: 'def f(g, xs):\n    xs.sort()\n    return [g(x) for x in xs]',
      tests: 'xs = [2, 1]\nassert f(lambda x: x + 1, xs) == [2, 3] and xs == [1, 2]',
    },
    {
      program:
        'class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\ndef f(pairs):\n    return sum(p.a for p in pairs)',
      tests: 'assert f([Pair(1, 2), Pair(3, 4)]) == 4 and Pair(5, 6).b == 6',
    },
    {
      program:
        'import re, math\nfrom collections import Counter, namedtuple\ndef f(x):\n    return re.match("a", x), Counter(x), namedtuple("P", "x y")(1, 2)',
      tests: 'a, b, c = f("aab")\nassert a and b == {"a": 2, "b": 1} and c == (1, 2) and math.isclose(.1 + .2, .3)',
    },
    {
      program: 'def f(x):\n    raise ValueError(x)',
      tests: 'try:\n    f("no")\n    assert False\nexcept ValueError as error:\n    assert str(error) == "no"',
    },
    { program: 'def sum(a, b):\n    return a - b', tests: 'assert sum(5, 3) == 2' },
  ]
  assert.deepEqual(
    await Promise.all(right.map((trial) => sandbox!.passes(trial))),
    right.map(() => true),
  )
  assert.equal(
    await sandbox!.passes({ program: 'def f(x):\n    return math.pi', tests: 'assert math.pi' }),
    false,
    'the tests import nothing for the program',
  )
})

test('a program cannot say that it passed', { skip: reason }, async () => {
  const wrong = [
    'import posix\nposix._exit(0)',
    'import atexit\natexit.register(lambda: print("passed"))',
    'import sys\nframe = sys._getframe(1)\nframe.f_globals["peer"].send("passed")\nframe.f_globals["peer"].send("loaded", {}, {})',
    'import sys\nframe = sys._getframe()\nwhile frame:\n    for held in (frame.f_globals, frame.f_locals):\n        for value in list(held.values()):\n            try: value.write("passed")\n            except BaseException: pass\n    frame = frame.f_back',
    'import os\nfor number in range(64):\n    try: os.write(number, b"passed")\n    except OSError: pass',
    'import gc\nfor value in gc.get_objects():\n    if hasattr(value, "write"):\n        for text in ("passed", b"passed"):\n            try: value.write(text), value.flush()\n            except BaseException: pass',
    'class Same(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\ndef f(x): return Same(7)',
    'class Same:\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0\ndef f(x): return Same()',
    'def f(x):\n    raise SystemExit(0)',
    'class math:\n    isclose = staticmethod(lambda *all, **more: True)\ndef f(x): return 7',
    'def abs(x): return 0\ndef f(x): return 7',
  ].map((program) => ({
    program: program.includes('def f') ? program : `${program}\ndef f(x): return 7`,
    tests: 'assert f(1) == 2 or math.isclose(f(1), 2) or abs(f(1) - 2) < 1e-6',
    entry: 'f',
  }))
  assert.deepEqual(
    await Promise.all(wrong.map((trial) => sandbox!.passes(trial))),
    wrong.map(() => false),
  )
})

test('a program may import what is installed, before and after what it may not do is taken away', {
  skip: reason || (!hasNumpy && 'numpy is not installed'),
}, async () => {
  const trials: Trial[] = [
    { program: 'import numpy as np\nassert np.arange(3).sum() == 3' },
    { program: 'def f(x):\n    from numpy.linalg import norm\n    return norm(x)', tests: 'assert f([3, 4]) == 5' },
    {
      program: 'import numpy as np\ndef f(x):\n    return np.array(x) * 2',
      tests: 'assert f([1, 2]).tolist() == [2, 4] and np.array_equal(f([1]), [2])',
    },
  ]
  assert.deepEqual(await Promise.all(trials.map((trial) => sandbox!.passes(trial))), [true, true, true])
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

test("a program sees neither the user's files nor the environment, and cannot change the system's", {
  skip: reason || (process.platform !== 'linux' && 'only on Linux'),
}, async () => {
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
    assert.deepEqual(
      await Promise.all(programs.map((program) => sandbox!.passes(program))),
      programs.map(() => false),
    )
    assert.equal(
      await sandbox!.passes(
        'open("own", "w").write("x")\nassert open("own").read() == "x"\nimport json, math, heapq, re, collections',
      ),
      true,
    )
  } finally {
    rmSync(folder, { recursive: true })
    delete process.env.SANDBOX_SECRET
  }
})

test('HumanEval and MBPP items are right with a right answer', { skip: reason }, async () => {
  const human = {
    id: '1',
    prompt: 'def add(a, b):\n',
    target: '',
    fields: { test: 'def check(f):\n    assert f(2, 3) == 5\n', entry_point: 'add' },
  }
  assert.deepEqual(
    [
      await ANSWER_METRICS.humaneval_pass1!.score('    return a + b\n', human),
      await ANSWER_METRICS.humaneval_pass1!.score('    return a * b\n', human),
    ],
    [1, 0],
  )
  const mbpp = {
    id: '2',
    prompt: '',
    target: '',
    fields: { test_list: ['assert f(1) == 1', 'assert f(2) == 4', 'assert f(3) == 9'] },
  }
  assert.deepEqual(
    [
      await ANSWER_METRICS.mbpp_pass1!.score('def f(x):\r\n  return x * x', mbpp),
      await ANSWER_METRICS.mbpp_pass1!.score('def f(x):\n  return x', mbpp),
    ],
    [1, 0],
  )
})
