// What work says that people's input makes fail.
import assert from 'node:assert/strict'
import { UserError } from '../src/errors/index.js'

/** The message of the UserError that work throws. */
export function failure(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof UserError, String(error))
    return error.message
  }
  return assert.fail('did not throw')
}
