// Which GGUF file a path means.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { firstFew, UserError } from '../errors/index.js'
import { firstPart } from '../gguf/index.js'
import { ADAPTER_CONFIG } from './checkpoint.js'
import { holdsWhole } from './shards.js'

/** The GGUF file that a path means: itself, or that of a folder without other weights; null where it means none. @throws UserError for several */
export async function findGguf(place: string): Promise<string | null> {
  const info = await stat(place).catch(() => null)
  if (info?.isFile() && place.endsWith('.gguf')) return place
  if (!info?.isDirectory()) return null
  const there = await readdir(place)
  if (there.includes(ADAPTER_CONFIG) || holdsWhole(place)) return null
  // Parts of one file count once; the image tower (mmproj) and a matrix of importance (imatrix) are no models.
  const files = there.filter((name) => name.endsWith('.gguf') && !/^mmproj|imatrix/.test(name))
  const models = [...new Set(files.map(firstPart))].sort()
  if (models.length > 1)
    throw new UserError(
      `${place}: holds ${models.length} GGUF files (${firstFew(models, 4)}); name the one that is meant, such as ${join(place, models[0]!)}`,
    )
  return models.length ? join(place, models[0]!) : null
}
