// The exact SVD of a 512 × 512 delta: our float64 kernels against ml-matrix, the well-kept library for it.
import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import { keyedNormal, keyOf, setBackend, svd, type Tensor2D } from '../src/tensor/index.js'
import { type Comparison, compare } from './compare.js'

const SIDE = 512

export async function run(): Promise<Comparison[]> {
  await setBackend('wasm')
  const delta = keyedNormal([SIDE, SIDE], keyOf('bench', 'svd')) as Tensor2D
  const values = Array.from(await delta.data())
  const library = () => new SingularValueDecomposition(Matrix.from1DArray(SIDE, SIDE, values))
  const comparison = await compare({
    name: `SVD of ${SIDE} × ${SIDE}, against ml-matrix`,
    goal: 4,
    ours: () => svd(delta),
    theirs: library,
    rounds: 3,
  })
  delta.dispose()
  return [comparison]
}
