// Where this package lies and which version it is: for `--version`, provenance, and files shipped with the package.
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder that holds package.json, checkpoints/ and configs/; this file is compiled to dist/src/files/, and bundled as if to dist/bundle/files/. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

const readManifest = () =>
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string; files: string[] }

/** Version of deltalab. */
export const packageVersion = (): string => readManifest().version

/** Why a folder that ships with the repository is not there: the npm package leaves it out, for its size. Null for other folders. */
export function leftOut(folder: string): string | null {
  const places = [normalize(folder), relative(packageRoot, resolve(folder))].map((path) => path.replaceAll(sep, '/'))
  const isOut = (out: string) => places.some((place) => `${place}/`.startsWith(`${out}/`))
  return readManifest().files.some((each) => each.startsWith('!') && isOut(each.slice(1)))
    ? 'the npm package leaves it out for its size; a clone of the repository has it, or makes it as checkpoints/README.md says'
    : null
}
