// Checks a binding in a process of its own, as what fails in a library ends it: a matrix product on the whole way, through TensorFlow.js.
import { openAddon, readBinding, startBinding, tf } from '../tensor/index.js'

const binding = readBinding(process.argv[2]!)
const provider = startBinding(binding)
if (provider instanceof Error) throw provider
await tf.setBackend('tensorflow')
const size = 256
const a = tf.tensor2d(
  Float32Array.from({ length: size * size }, (_, i) => (i % 7) - 3),
  [size, size],
)
const product = await tf.matMul(a, a, false, true).data()
const values = await a.data()
let wrong = 0
for (let row = 0; row < size; row++)
  for (let column = 0; column < size; column++) {
    let sum = 0
    for (let k = 0; k < size; k++) sum += values[row * size + k]! * values[column * size + k]!
    if (product[row * size + column] !== sum) wrong++
  }
const addon = openAddon(binding)
process.stdout.write(JSON.stringify({ tensorflow: addon.TF_Version, usesGpu: addon.isUsingGpuDevice(), wrong }))
