// What a person sees of a command in a terminal: it lives from the start, no line is wider than the terminal, and nothing of the bar stays.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { framesOf } from './recording.js'
import { inTerminal, noTerminal } from './terminal.js'

const words = ['eval', 'checkpoints/small/math', '--task', 'math', '--items']

for (const columns of [60, 120]) {
  test(`eval in ${columns} columns`, { skip: noTerminal }, async () => {
    const { code, screen } = await inTerminal([...words, '64'], { columns })
    assert.equal(code, 0)
    const { drawn, left } = framesOf(screen)
    assert.ok(drawn.length > 0)
    for (const line of drawn) assert.ok(line.length < columns, line)
    // On a fast machine the first phase is over before the first frame; display.test.ts has it with a clock of its own.
    const bar = / (loss|score) [█░]+ \d+\/64 items/
    assert.ok(
      drawn.some((line) => bar.test(line)),
      drawn.join('\n'),
    )
    assert.match(left, /^checkpoints\/small\/math on math: final_number .*\n$/s)
    for (const line of left.split('\n')) assert.ok(line.length <= columns, line)
  })
}

test('--quiet=true shows nothing but the result', { skip: noTerminal }, async () => {
  const { screen } = await inTerminal([...words, '2', '--quiet=true'], { columns: 200 })
  assert.match(screen, /^checkpoints\/small\/math on math: [^\r]*\r\n$/)
})
