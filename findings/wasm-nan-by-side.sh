#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: whether a NaN survives tf.maximum and tf.minimum depends on the side that it stands on. It
# survives on the left and is lost on the right, so that maximum(x, 0) and maximum(0, x) differ. tf.clipByValue makes the lower bound of it
# and tf.relu6 makes 0. tf.relu keeps a NaN without a sign and makes 0 of one with a sign, which is what a processor of the x86 kind
# makes of inf - inf. The backend cpu keeps it everywhere. A check for NaN after a clip or a ReLU finds nothing.
# Seen (maximum left, right; clipByValue; relu6; relu; relu of a NaN with a sign):
#   cpu NaN NaN NaN NaN NaN NaN
#   wasm NaN 1 -1 0 NaN 0
set -euo pipefail
script=$(realpath "$0"); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
cat > check.cjs <<'JS'
const tf = require('@tensorflow/tfjs')
require('@tensorflow/tfjs-backend-wasm')
async function main() {
  for (const backend of ['cpu', 'wasm']) {
    await tf.setBackend(backend)
    const [nan, one] = [tf.tensor1d([NaN]), tf.tensor1d([1])]
    const seen = [tf.maximum(nan, one), tf.maximum(one, nan), tf.clipByValue(nan, -1, 1), tf.relu6(nan), tf.relu(nan)]
    const signed = tf.tensor1d(new Float32Array(new Uint32Array([0xffc00000]).buffer))
    seen.push(tf.relu(signed))
    console.log(backend, ...seen.map((each) => each.dataSync()[0]))
  }
}
main()
JS
node check.cjs 2> /dev/null | tee seen
sed -n 's/^#   //p' "$script" | diff - seen
