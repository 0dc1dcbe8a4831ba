// README.md as a reader follows it: its program is compiled and run, its commands are run, and its table lists the commands there are.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { COMMANDS } from '../src/cli/overview.js'
import { experimentSchema } from '../src/config/index.js'
import { packageRoot } from '../src/files/index.js'
import { call } from './cli/call.js'
import { assertClose } from './close.js'

const text = readFileSync(join(packageRoot, 'README.md'), 'utf8')
/** Blocks of code in a language, in order. */
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code ?? '')

// Within the repository, where `deltalab` names this package.
mkdirSync(join(packageRoot, '.scratch'), { recursive: true })
const folder = mkdtempSync(join(packageRoot, '.scratch', 'readme-'))
after(() => rmSync(folder, { recursive: true }))
symlinkSync(join(packageRoot, 'configs'), join(folder, 'configs'))
writeFileSync(join(folder, 'notes.txt'), text.slice(0, 1000))
const node = (...words: string[]) => promisify(execFile)(process.execPath, words, { cwd: folder })

for (const code of [...blocks('js'), ...blocks('ts')]) {
  const [, name] = /^\/\/ (\S+)\n/.exec(code) ?? []
  writeFileSync(join(folder, name ?? 'unnamed'), code)
}

test('the program and the plugin compile with strict types', async () => {
  writeFileSync(join(folder, 'example.ts'), readFileSync(join(folder, 'example.mjs')))
  const compiler = join(packageRoot, 'node_modules/typescript-7/bin/tsc')
  const flags = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
  ]
  const { stdout } = await node(compiler, ...flags, 'example.ts', 'clip.ts').catch((error: { stdout: string }) => error)
  assert.equal(stdout, '')
})

test('the program runs', async () => {
  const { stdout } = await node('example.mjs')
  const [roles, kept, change, tensor] = stdout.trim().split(' ')
  assert.equal(Number(roles), 6)
  assertClose(Number(kept), 0.1, { tolerance: 0.01 }, stdout)
  assert.ok(Number(change) > 0, stdout)
  assert.match(String(tensor), /^model\./)
})

test('its commands run', async () => {
  const lines = blocks('sh').flatMap((block) => block.split('\n').filter((line) => line.startsWith('npx deltalab ')))
  // The quickstart takes a minute; plan reads the same file.
  const commands = lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(2))
  assert.ok(commands.length >= 5)
  for (const words of commands) {
    const { status, stderr } = await call(words[0] === 'sweep' ? ['plan', ...words.slice(1)] : words, { cwd: folder })
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`)
  }
})

test('its experiment is one that the schema takes', async () => {
  const { parse } = await import('yaml')
  for (const block of blocks('yaml')) experimentSchema.parse(parse(block))
})

test('its table has a row for each command, in the order of the overview', () => {
  const rows = [...text.matchAll(/^\| `deltalab (\w+)/gm)].map(([, name]) => name)
  assert.deepEqual([...rows].sort(), COMMANDS.map(([name]) => name).sort())
})
