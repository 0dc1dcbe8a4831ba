// The delta that comes back from codecs whose own numbers are rounded: grids and singular vectors in half precision.
import { type CodedTensor, placesOf } from '../codecs/index.js'
import { optionsFor, type ParsedChoice } from '../compress/index.js'
import type { MatrixEditor, Options } from '../editors/index.js'
import {
  type Bands,
  decodeLossy,
  decodeLossyHead,
  encodeBands,
  encodeBandsHead,
  encodeLossy,
  type Triplets,
} from '../kernels/index.js'
import { makeWeights, tf } from '../tensor/index.js'

/** Whether such a codec stores it: then no editor has the same numbers. */
export const isCoarse = ({ codec, options }: ParsedChoice): boolean =>
  options.values !== 'f32' && (codec!.name === 'bits' || codec!.ofMatrices === true)

/** The leading triplets of each matrix of a delta, as many as the choice takes. */
export function tripletsOf(delta: Float32Array, { shape, matrices }: CodedTensor, { steps }: ParsedChoice) {
  const { editor, options } = steps[0]! as { editor: MatrixEditor; options: Options }
  const [rows, columns] = shape.slice(-2) as [number, number]
  return makeWeights(async () => {
    const found: Triplets[] = []
    for (let m = 0; m < matrices; m++) {
      const matrix = tf.tensor2d(delta.subarray(m * rows * columns, (m + 1) * rows * columns), [rows, columns])
      found.push((await editor.factorise(matrix, options).finally(() => matrix.dispose())) as Triplets)
    }
    return found
  })
}

/**
 * What a record of the choice says, float32, an entry for each of the tensor.
 * @param triplets of each matrix, at least as many as are stored; not read for grids
 */
export function storedDelta(
  delta: Float32Array,
  tensor: CodedTensor & { name: string },
  choice: ParsedChoice,
  triplets: readonly Triplets[],
): Float32Array {
  const codec = choice.codec!
  const form = codec.form(optionsFor(choice, tensor), tensor)
  const places = [...placesOf(codec, tensor)]
  const out = new Float32Array(delta.length)
  const head = form.form === 'bands' ? encodeBandsHead(form as Bands, triplets) : new Uint8Array()
  const read = decodeLossyHead(form, places[0]!, head)
  for (const place of places) {
    const record =
      form.form === 'bands'
        ? encodeBands(form as Bands, place, triplets, head)
        : encodeLossy(form, place, {
            ...{ edited: delta.subarray(place.from, place.from + place.size), base: new Uint32Array() },
            ...{ weights: null, scales: null, given: null },
          })
    out.set(decodeLossy(form, place, record, read), place.from)
  }
  return out
}
