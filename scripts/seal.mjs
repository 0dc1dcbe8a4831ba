// Lists again what the shipped checkpoints hold, after a file of them was changed by hand: `npm run family -- --overwrite` replaces
// only folders that are as their list says.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { sealFolder } from '../dist/src/files/manifest.js'

for (const part of readdirSync('checkpoints', { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  for (const name of readdirSync(join('checkpoints', part.name))) {
    const folder = join('checkpoints', part.name, name)
    if (existsSync(join(folder, 'model.safetensors'))) await sealFolder(folder)
  }
}
