// The pages of docs/howto, and that on clusters, as a reader follows them: the commands of each run in a folder of its own.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/files/index.js'
import '../backend.js'

const pages = join(packageRoot, 'docs/howto')
const program = join(packageRoot, 'node_modules/.bin/deltalab')

const names = [...readdirSync(pages).filter((name) => name !== 'README.md'), '../clusters.md']

for (const page of names) {
  const text = readFileSync(join(pages, page), 'utf8')
  const script = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, code]) => code).join('')
  test(`${page}: its commands run`, async (t) => {
    assert.match(script, /^npx deltalab /m)
    const cwd = mkdtempSync(join(tmpdir(), 'howto-'))
    t.after(() => rmSync(cwd, { recursive: true }))
    for (const name of ['checkpoints', 'results/drop-rate', 'configs'])
      symlinkSync(join(packageRoot, name), join(cwd, name.split('/').at(-1)!))
    const words = script.replaceAll('results/drop-rate', 'drop-rate').replaceAll('npx deltalab', `"${program}"`)
    await promisify(execFile)('sh', ['-ec', words], { cwd, env: { ...process.env, TERM: 'dumb' } })
  })
}

test('the list names every page', () => {
  const listed = [...readFileSync(join(pages, 'README.md'), 'utf8').matchAll(/\]\((.+?\.md)\)/g)].map(
    ([, name]) => name,
  )
  assert.deepEqual(listed.sort(), names.toSorted())
})
