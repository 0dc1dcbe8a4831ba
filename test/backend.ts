// The backend of the tests: wasm, whatever is installed, so that their numbers are the same on every machine. `npm test` runs the
// files that compute a second time on the native backend, where one is installed (scripts/test.mjs).
import type { BackendName } from '../src/tensor/index.js'

/** A command that is not told a backend takes it, too, here and in child processes. */
export const BACKEND = (process.env.DELTALAB_BACKEND ||= 'wasm') as BackendName
