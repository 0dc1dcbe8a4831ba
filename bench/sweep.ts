// A sweep by four workers against one, whole process each, on the shipped models.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare, type Ratio } from './ratio.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

function sweep(jobs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'deltalab-bench-'))
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      at('../src/cli/main.js'),
      'sweep',
      at('../../configs/quickstart.yaml'),
      '--jobs',
      String(jobs),
      '--out',
      join(folder, 'out'),
    ],
    { encoding: 'utf8' },
  )
  rmSync(folder, { recursive: true })
  if (status !== 0) throw new Error(stderr)
}

export async function run(): Promise<Ratio[]> {
  const cores = availableParallelism()
  if (cores < 4) return []
  return [
    await compare(
      'sweep of configs/quickstart.yaml by 4 workers, against 1',
      3,
      () => sweep(4),
      () => sweep(1),
      1,
    ),
  ]
}
