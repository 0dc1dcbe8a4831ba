// TensorFlow.js is loaded at its first use, and is then the package itself.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { packageRoot } from '../../src/files/index.js'
import { tf } from '../../src/tensor/index.js'

test('the package loads when a name is looked up, not when it is imported', () => {
  const script = `
    import { createRequire } from 'node:module'
    import { tf } from 'deltalab'
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('tfjs-core'))
    console.log(loaded(), typeof tf.scalar, loaded())`
  const words = ['--input-type=module', '-e', script]
  assert.equal(execFileSync(process.execPath, words, { cwd: packageRoot, encoding: 'utf8' }), 'false function true\n')
})

test('every name is the one of the package', () => {
  const real = createRequire(import.meta.url)('@tensorflow/tfjs') as Record<string, unknown>
  assert.equal(tf.tensor, real.tensor)
  assert.deepEqual(Object.keys(tf).sort(), Object.keys(real).sort())
  assert.ok(Object.entries(tf).every(([name, value]) => value === real[name]))
  assert.ok(tf.zeros([2]) instanceof (real.Tensor as typeof tf.Tensor))
  assert.equal((tf as unknown as { absent: unknown }).absent, undefined)
})
