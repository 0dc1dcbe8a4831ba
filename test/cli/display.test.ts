// The line that shows how far a command is: shares, rates and times left by hand, what is left out where there is little room, and when it is written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDisplay } from '../../src/cli/display.js'
import { durationText, openProgressState } from '../../src/cli/progress-state.js'
import { wrapText } from '../../src/cli/wrap-text.js'

/** A state that heard of a sweep of 45 runs: 5 of an earlier start, 9 new ones in 30 s, and half of another. */
function sweep() {
  const state = openProgressState()
  state.hear({ id: 's', begin: { name: 'quickstart', unit: 'runs', total: 45 }, parent: null, share: 0 }, 0)
  state.hear({ id: 's', done: 5, earlier: 5, what: '' }, 0)
  return state
}

test('time left does not count resumed runs as speed, nor the time before the first run', () => {
  const state = sweep()
  assert.equal(state.line(4, 100), 'quickstart ██░░░░░░░░░░░░░░░░░░░░░░ 5/45 runs')
  state.hear({ id: 'b', begin: { name: 'base and post', unit: '%', total: 4 }, parent: 's', share: 0 }, 1)
  state.hear({ id: 'b', done: 1, earlier: 0, what: '' }, 5)
  // What several runs share is no part of them: its own bar is shown, 1 of 4 in 4 s.
  assert.equal(state.line(5, 120), 'quickstart · base and post ██████░░░░░░░░░░░░░░░░░░ 25 % · 12 s left')
  state.hear({ id: 'b', end: true }, 9)
  state.hear({ id: 'r', begin: { name: 'math dare', unit: '%', total: 10 }, parent: 's', share: 1 }, 10)
  state.hear({ id: 'l', begin: { name: 'loss', unit: 'items', total: 64 }, parent: 'r', share: 5 }, 10)
  state.hear({ id: 'l', done: 32, earlier: 0, what: '' }, 12)
  // A quarter of a run, 0.6 % of all: in 40 s, so that 39.75 more take 6360 s.
  assert.equal(
    state.line(12, 120),
    'quickstart ██░░░░░░░░░░░░░░░░░░░░░░ 5/45 runs · math dare: loss 32/64 items',
    'too early for a speed',
  )
  assert.equal(
    state.line(50, 120),
    'quickstart ██░░░░░░░░░░░░░░░░░░░░░░ 5/45 runs · 1 h 46 min left · 23/h · math dare: loss 32/64 items',
  )
  state.hear({ id: 'l', end: true }, 20)
  state.hear({ id: 'r', end: true }, 20)
  state.hear({ id: 's', done: 15, earlier: 5, what: '' }, 20)
  // 10 runs in 10 s: 30 more take 30 s.
  assert.equal(state.line(20, 60), 'quickstart ███░░░░░░░ 15/45 runs · 30 s left · 1.0/s')
  assert.equal(state.plain(20), 'quickstart: 15/45 runs, 33 %, 1.0/s, 30 s left')
})

test('a bar does not go back when a part ends', () => {
  const state = openProgressState()
  state.hear({ id: 'a', begin: { name: 'a', unit: 'steps', total: 2 }, parent: null, share: 0 }, 0)
  state.hear({ id: 'b', begin: { name: 'b', unit: 'items', total: 4 }, parent: 'a', share: 1 }, 0)
  state.hear({ id: 'b', done: 4, earlier: 0, what: '' }, 1)
  assert.match(state.line(1, 60)!, /^a █████░░░░░ /)
  state.hear({ id: 'b', end: true }, 1)
  assert.match(state.line(1, 60)!, /^a █████░░░░░ /)
})

test('bytes are amounts, and a line fits any terminal', () => {
  const state = openProgressState()
  state.hear({ id: 'm', begin: { name: 'merge', unit: 'bytes', total: 1.5e9 }, parent: null, share: 0 }, 0)
  state.hear({ id: 'm', done: 6e8, earlier: 3e8, what: '' }, 3)
  state.hear({ id: 'm', done: 6e8, earlier: 3e8, what: 'model.layers.0.mlp.up_proj.weight' }, 3)
  assert.equal(
    state.line(3, 120),
    'merge █████████░░░░░░░░░░░░░░░ 0.6/1.5 GB · 9 s left · 100.0 MB/s · model.layers.0.mlp.up_proj.weight',
  )
  for (let columns = 10; columns < 130; columns++) assert.ok(state.line(3, columns)!.length <= columns)
  state.hear({ id: 'm', end: true }, 4)
  assert.equal(state.line(4, 80), null)
})

test('durations as people say them', () => {
  assert.deepEqual([0.2, 59.5, 61, 3600, 12_000].map(durationText), [
    '1 s',
    '1 min 0 s',
    '1 min 1 s',
    '1 h 0 min',
    '3 h 20 min',
  ])
})

function screen(isTTY: boolean) {
  const written: string[] = []
  let now = 0
  const stream = { isTTY, columns: 60, write: (text: string) => written.push(text) > 0 }
  const display = openDisplay(stream as unknown as NodeJS.WriteStream, 'start', () => now)
  const text = display.through(stream as unknown as NodeJS.WriteStream)
  return {
    display,
    text,
    /** What is written when `work` is done at this second. */
    at(second: number, work: () => void): string {
      now = second
      written.length = 0
      work()
      return written.join('')
    },
  }
}

test('on a terminal: nothing at first, then a line that makes room for text and leaves no trace', () => {
  const { display, text, at } = screen(true)
  assert.equal(
    at(0.1, () => display.show({ phase: 'read' })),
    '',
  )
  assert.equal(
    at(0.4, () => display.show({ phase: 'edit' })),
    '\r⠋ edit\u001b[K',
  )
  assert.equal(
    at(0.45, () => display.show({ phase: 'write' })),
    '',
    'not more often than the eye sees',
  )
  assert.equal(
    at(2.5, () => display.show({ id: 'x', end: true })),
    '\r⠙ write · 2 s\u001b[K',
  )
  assert.equal(
    at(2.6, () => text.write('note: half a ')),
    '\r\u001b[Knote: half a ',
  )
  assert.equal(
    at(3, () => display.show({ id: 'x', end: true })),
    '',
    'not into the middle of a line',
  )
  assert.equal(
    at(3.1, () => text.write('line\n')),
    'line\n',
  )
  assert.equal(
    at(4, () => display.show({ id: 'x', end: true })),
    '\r⠹ write · 3 s\u001b[K',
  )
  assert.equal(
    at(4.1, () => display.stop()),
    '\r\u001b[K',
  )
  assert.equal(
    at(9, () => display.show({ phase: 'late' })),
    '',
  )
})

test('elsewhere: one line every ten seconds at most', () => {
  const { display, at } = screen(false)
  const tick = () => display.show({ id: 'x', done: 3, earlier: 0, what: '' })
  at(0, () => display.show({ id: 'x', begin: { name: 'loss', unit: 'items', total: 6 }, parent: null, share: 0 }))
  assert.equal(at(9, tick), '')
  assert.equal(at(12, tick), 'loss: 3/6 items, 50 %, 15/min, 12 s left\n')
  assert.equal(at(21, tick), '')
  assert.equal(at(22, tick), 'loss: 3/6 items, 50 %, 8.2/min, 22 s left\n')
  display.stop()
})

test('text is wrapped at spaces; a word that is too long stands alone, and lines of tables stay', () => {
  assert.equal(wrapText('ab cd efghijk l', 5), 'ab cd\nefghijk\nl')
  assert.equal(wrapText('ab cd', Infinity), 'ab cd')
  assert.equal(wrapText('  ab cd\n\n| a | b |\n', 6), '  ab\ncd\n\n| a | b |\n')
})
