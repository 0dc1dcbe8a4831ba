#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: a reduction over no entries gives what an earlier tensor left in memory. tf.sum of a tensor of
# shape [2, 0] along its last axis should be [0, 0], as on the backend cpu; it is a number of the tensor that lay there before. The same
# goes for tf.mean, tf.prod and tf.norm, and for int32. Nothing is thrown, and a run that happens to meet fresh memory is right.
# Seen: cpu 0,0; wasm 3.565e-41,3.924e-44 (other numbers, and large ones, after other tensors).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
cat > check.cjs <<'JS'
const tf = require('@tensorflow/tfjs')
require('@tensorflow/tfjs-backend-wasm')
async function sumOfNothing(backend) {
  await tf.setBackend(backend)
  tf.tidy(() => tf.fill([2], 7).square().dataSync())
  const sums = tf.tidy(() => tf.sum(tf.tensor([], [2, 0], 'float32'), 1).dataSync())
  console.log(backend, Array.from(sums).join())
  return sums
}
async function main() {
  const cpu = await sumOfNothing('cpu')
  const wasm = await sumOfNothing('wasm')
  process.exit(cpu[0] === 0 && cpu[1] === 0 && wasm.some((sum) => sum !== 0) ? 0 : 1)
}
main()
JS
node check.cjs 2> /dev/null
