// An editor of one's own. `npm test` holds it to the laws of editors.
import { defineEditor, tf, z } from 'deltalab/plugin'

export default defineEditor({
  name: 'clip',
  title: 'Clips every entry of the delta at a fraction of the largest one',
  options: z.strictObject({
    fraction: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Bound of an entry, as a fraction of the largest magnitude.'),
  }),
  neutral: { fraction: 1 },
  // The whole tensor is read first, so that the bound is the same for every block of it.
  reads: 'tensor',
  scanTensor: (values) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  edit: (delta, { options, scanned }) => tf.clipByValue(delta, -options.fraction * scanned, options.fraction * scanned),
})
