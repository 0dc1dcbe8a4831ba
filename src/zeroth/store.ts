// The file of a delta of seeds and scalars: a safetensors file of one vector. Its header has what a rebuild needs.
import { z } from 'zod'
import { readHeader } from '../checkpoint/index.js'
import { encodeFile } from '../codecs/index.js'
import { UserError } from '../errors/index.js'
import { writeWhole } from '../files/index.js'
import { addSeeds, type Seeds } from '../kernels/index.js'
import { track } from '../progress/index.js'
import { readBytes } from '../schema/index.js'
import type { Point } from './probe.js'

const metadataSchema = z.object({
  format: z.literal('deltalab-seeds'),
  seed: z.coerce.number().int().nonnegative(),
  base: z.string(),
})

/** `base`: what identifies the weights that the delta is added to. Returns the bytes of the file. */
export async function writeSeeds(file: string, { seed, scalars }: Seeds, base: string): Promise<number> {
  const metadata = { format: 'deltalab-seeds', seed: String(seed), base }
  const bytes = encodeFile({ scalars: { dtype: 'F32', shape: [scalars.length], values: scalars } }, metadata)
  await writeWhole(file, bytes)
  return bytes.length
}

/** @throws UserError for a file that is not one of seeds. */
export async function readSeeds(file: string): Promise<Seeds & { base: string }> {
  const { entries, metadata } = await readHeader(file)
  const parsed = metadataSchema.safeParse(metadata)
  const entry = entries.find(({ name }) => name === 'scalars')
  if (!parsed.success || !entry || entry.dtype !== 'F32') {
    throw new UserError(`${file}: is not a delta of seeds and scalars, as \`deltalab zeroth\` writes it`)
  }
  const bytes = readBytes(file)
  const scalars = new Float32Array(Uint8Array.from(bytes.subarray(entry.begin, entry.end)).buffer)
  return { seed: parsed.data.seed, scalars, base: parsed.data.base }
}

/** Entries that are rebuilt at a time: they stay in the processor's cache. */
const PIECE = 1 << 16

/** The tuned weights: those of the base with the delta added, in place, piece by piece. */
export async function rebuild(base: Point, seeds: Seeds): Promise<Point> {
  const total = [...base.values()].reduce((sum, { length }) => sum + length, 0)
  await track({ name: 'rebuild', unit: 'parameters', total }, async ({ add }) => {
    for (const [tensor, values] of base)
      for (let from = 0; from < values.length; from += PIECE) {
        const piece = values.subarray(from, from + PIECE)
        addSeeds(piece, { tensor, from }, seeds)
        add(piece.length, tensor)
      }
  })
  return base
}
