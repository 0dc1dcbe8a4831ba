// Where this package lies and which version it is: for `--version`, provenance, and files shipped with the package.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder that holds package.json, checkpoints/ and configs/; this file is compiled to dist/src/files/, and bundled as if to dist/bundle/files/. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

/** Version of deltalab. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version
}
