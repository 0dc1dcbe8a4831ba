// The list of tests in CONTRIBUTING.md: what each file checks, from its first comment. Written by scripts/docs.mjs.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/files/index.js'

/** The section, heading first. */
export function describeTests(): string {
  const root = join(packageRoot, 'test')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
  const lines = files.map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    const comment = /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? ''
    return `- \`${path.slice(0, -8)}\`: ${comment
      .replaceAll(/^\/\/ ?/gm, '')
      .replaceAll('\n', ' ')
      .trim()}`
  })
  return `## Tests\n\n${lines.join('\n')}\n`
}
