// TensorFlow.js, loaded at its first use: what needs no tensor (help, tables, merges by kernels) starts without it.
// This is JavaScript, with its types in tf.d.ts, because TypeScript cannot give a value the types of a whole package.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Empty until a name is looked up; from then on it holds all that the package exports, and looking up costs nothing more. */
export const tf = Object.create(
  new Proxy(Object.prototype, {
    get(_, name) {
      Object.setPrototypeOf(tf, Object.prototype)
      return Object.assign(tf, require('@tensorflow/tfjs'))[name]
    },
  }),
)
