// Work that says how far it is: what is said, of nested work, of other threads, and of what an earlier run did.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hear, type Progress, tally, track } from '../../src/progress/index.js'

/** All that is said while `work` runs, with ids by the order of their first mention. */
async function said(work: () => Promise<unknown>): Promise<object[]> {
  const heard: Progress[] = []
  const unhear = hear((message) => heard.push(message))
  await work().finally(unhear)
  const ids = [...new Set(heard.map(({ id }) => id))]
  return heard.map((message) => ({
    ...message,
    id: ids.indexOf(message.id),
    ...('begin' in message && { parent: message.parent && ids.indexOf(message.parent) }),
  }))
}

test('a part is done by the work that begins in it', async () => {
  const messages = await said(() =>
    track({ name: 'whole', unit: 'steps', total: 4 }, async (work) => {
      work.found(1)
      await work.part(3, () =>
        track({ name: 'piece', unit: 'items', total: 2 }, async ({ add }) => {
          add(1, 'first')
          add(1)
        }),
      )
    }),
  )
  assert.deepEqual(messages, [
    { id: 0, begin: { name: 'whole', unit: 'steps', total: 4 }, parent: null, share: 0 },
    { id: 0, done: 1, earlier: 1, what: '' },
    { id: 1, begin: { name: 'piece', unit: 'items', total: 2 }, parent: 0, share: 3 },
    { id: 1, done: 1, earlier: 0, what: 'first' },
    { id: 1, done: 2, earlier: 0, what: '' },
    { id: 1, end: true },
    { id: 0, done: 4, earlier: 1, what: '' },
    { id: 0, end: true },
  ])
})

test('small steps are said together, names always', async () => {
  const count = async (what: string) =>
    (
      await said(() =>
        track({ name: 'a', unit: 'items', total: 10_000 }, async ({ add }) => {
          for (let i = 0; i < 10_000; i++) add(1, what)
        }),
      )
    ).length
  assert.equal(await count(''), 200 + 2)
  assert.equal(await count('tensor'), 10_000 + 2)
})

test('what another thread says by itself is part of the work; what is nested there stays so', async () => {
  const messages = await said(() =>
    track({ name: 'sweep', unit: 'runs', total: 2 }, async ({ relay }) => {
      relay({ id: '7.0', begin: { name: 'run', unit: '%', total: 5 }, parent: null, share: 0 }, 1)
      relay({ id: '7.1', begin: { name: 'loss', unit: 'items', total: 9 }, parent: '7.0', share: 2 }, 1)
    }),
  )
  assert.deepEqual(messages.slice(1, 3), [
    { id: 1, begin: { name: 'run', unit: '%', total: 5 }, parent: 0, share: 1 },
    { id: 2, begin: { name: 'loss', unit: 'items', total: 9 }, parent: 1, share: 2 },
  ])
})

test('work that fails ends, and what begins later is not in it', async () => {
  const messages = await said(async () => {
    await assert.rejects(
      track({ name: 'a', unit: 'items', total: 1 }, () => Promise.reject(new Error('no'))),
      /no/,
    )
    await track({ name: 'b', unit: 'items', total: 1 }, async () => undefined)
  })
  assert.deepEqual(messages, [
    { id: 0, begin: { name: 'a', unit: 'items', total: 1 }, parent: null, share: 0 },
    { id: 0, end: true },
    { id: 1, begin: { name: 'b', unit: 'items', total: 1 }, parent: null, share: 0 },
    { id: 1, end: true },
  ])
})

test('work that goes on at the same time is not nested, and each part keeps what begins in it', async () => {
  const hash = (name: string) =>
    track({ name, unit: 'bytes', total: 1 }, async () => {
      await new Promise(setImmediate)
      await track({ name: `${name} again`, unit: 'bytes', total: 1 }, async () => undefined)
    })
  const messages = await said(() =>
    track({ name: 'hash', unit: 'bytes', total: 3 }, ({ part }) =>
      Promise.all([part(1, () => hash('a')), part(2, () => hash('b'))]),
    ),
  )
  const begun = messages.flatMap((message) =>
    'begin' in message ? [message as { begin: { name: string }; id: number; parent: number; share: number }] : [],
  )
  assert.deepEqual(
    begun.map(({ id, begin, parent, share }) => [id, begin.name, parent, share]),
    [
      [0, 'hash', null, 0],
      [1, 'a', 0, 1],
      [2, 'b', 0, 2],
      [3, 'a again', 1, 0],
      [4, 'b again', 2, 0],
    ],
  )
})

test('a tally says the same, in the work that it begins in', async () => {
  const messages = await said(() =>
    track({ name: 'whole', unit: 'steps', total: 1 }, ({ part }) =>
      part(1, () => tally({ name: 'piece', unit: 'bytes', total: 2 }, async ({ add }) => add(2))),
    ),
  )
  assert.deepEqual(messages.slice(1, 4), [
    { id: 1, begin: { name: 'piece', unit: 'bytes', total: 2 }, parent: 0, share: 1 },
    { id: 1, done: 2, earlier: 0, what: '' },
    { id: 1, end: true },
  ])
})
