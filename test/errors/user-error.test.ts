// Paths of errors: callers put their keys before them, in synchronous and asynchronous work; other errors pass as they are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UserError, unknown, within } from '../../src/errors/index.js'

const failure = (work: () => unknown): UserError => {
  try {
    work()
  } catch (error) {
    return error as UserError
  }
  return assert.fail('did not throw')
}

const throwing = (error: Error) => () => {
  throw error
}

test('keys go before the path of an error, from the inside out', () => {
  const error = new UserError('must be a number', { path: ['drop_rate'] })
  const found = failure(() => within(['editors', 2], () => within(['chain', 0], throwing(error))))
  assert.equal(found, error)
  assert.deepEqual(found.path, ['editors', 2, 'chain', 0, 'drop_rate'])
  assert.deepEqual(new UserError('without a path').at('a', 1).at('b').path, ['b', 'a', 1])
})

test('an error without a path gets one where it passes; outside of documents it has none', () => {
  assert.deepEqual(failure(() => within(['merger'], throwing(unknown('merger', 'tie', ['ties'])))).path, ['merger'])
  assert.equal(unknown('merger', 'tie', ['ties']).path, undefined)
})

test('a function changes the path', () => {
  const toFile = ([whose, option]: readonly PropertyKey[]) => (whose === 'options' ? ['parameters', option!] : [])
  const at = (path: string[]) => failure(() => within(toFile, throwing(new UserError('wrong', { path })))).path
  assert.deepEqual(at(['options', 'lambda']), ['parameters', 'lambda'])
  assert.deepEqual(at(['models']), [])
})

test('asynchronous work fails with its path; bugs keep their error', async () => {
  await assert.rejects(
    within(['tasks', 1], async () => Promise.reject(new UserError('is not there'))),
    (error: UserError) => assert.deepEqual(error.path, ['tasks', 1]) === undefined,
  )
  const bug = new TypeError('undefined is not a function')
  assert.equal(
    failure(() => within(['tasks'], throwing(bug))),
    bug,
  )
  assert.equal(await within(['tasks'], async () => 3), 3)
})

test('control characters are escaped and endless words cut, in messages that people read', () => {
  assert.equal(new UserError('a\u001b[31mb').message, 'a\\u001b[31mb')
  assert.ok(new UserError(`got ${'x'.repeat(5000)}`).message.length < 100)
})
