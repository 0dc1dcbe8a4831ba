// The backend of the tests: wasm, whatever is installed, so that their numbers are the same on every machine. Where
// TensorFlow's library is installed, models/native.test.ts and run/native.test.ts hold it against the same fixtures.
import type { BackendName } from '../src/tensor/index.js'

/** A command that is not told a backend takes it, too, here and in child processes. */
export const BACKEND = (process.env.DELTALAB_BACKEND ||= 'wasm') as BackendName
