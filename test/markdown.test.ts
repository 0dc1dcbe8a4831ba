// Markdown and named files: every link of a tracked Markdown file leads somewhere, anchors exist, tables have one width, and files that
// comments and documents name are there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import GithubSlugger from 'github-slugger'
import type { Nodes, Root } from 'mdast'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { gfmFromMarkdown } from 'mdast-util-gfm'
import { toString as textOf } from 'mdast-util-to-string'
import { gfm } from 'micromark-extension-gfm'
import { visit } from 'unist-util-visit'
import { packageRoot } from '../src/files/index.js'

const tracked = execFileSync('git', ['ls-files'], { cwd: packageRoot, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(packageRoot, path)))
const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8')
const parse = (text: string): Root => fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] })
const documents = new Map(tracked.filter((path) => path.endsWith('.md')).map((path) => [path, parse(read(path))]))
const lineOf = (node: Nodes) => node.position?.start.line ?? 0

/** Anchors that GitHub gives the headings of a document. */
function anchorsOf(root: Root): Set<string> {
  const slugger = new GithubSlugger()
  const anchors = new Set<string>()
  visit(root, 'heading', (heading) => {
    anchors.add(slugger.slug(textOf(heading)))
  })
  return anchors
}

/** What is wrong with the links of a document at `path`. */
function brokenLinks(path: string, root: Root): string[] {
  const broken: string[] = []
  visit(root, (node) => {
    if (node.type !== 'link' && node.type !== 'image' && node.type !== 'definition') return
    if (/^[a-z]+:/i.test(node.url)) return
    const [file, anchor] = node.url.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), decodeURI(file!)))
    const place = `${path}:${lineOf(node)}: ${node.url}`
    if (!existsSync(join(packageRoot, target))) broken.push(`${place} leads to no file`)
    else if (anchor !== undefined && !(documents.has(target) && anchorsOf(documents.get(target)!).has(anchor)))
      broken.push(`${place} names no heading of ${target}`)
  })
  return broken
}

/** Rows of tables that do not have as many cells as the head; a `|` that is not escaped splits a cell, in code too. */
function raggedRows(path: string, text: string, root: Root): string[] {
  const lines = text.split('\n')
  const cells = (line: number) =>
    lines[line - 1]!.trim()
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/).length
  const ragged: string[] = []
  visit(root, 'table', (table) => {
    const head = cells(lineOf(table))
    for (const row of table.children)
      if (cells(lineOf(row)) !== head)
        ragged.push(`${path}:${lineOf(row)}: ${cells(lineOf(row))} cells, the head has ${head}`)
  })
  return ragged
}

test('the checks find what they are for', () => {
  const text = '# A b\n[x](#a-b) [y](#no) [z](none.md)\n\n| a | b |\n|---|---|\n| 1 | `|c|` |\n'
  const root = parse(text)
  documents.set('sample.md', root)
  try {
    assert.deepEqual(brokenLinks('README.md', parse('[a](docs) [b](none.md)')), [
      'README.md:1: none.md leads to no file',
    ])
    assert.deepEqual([...anchorsOf(root)], ['a-b'])
    assert.deepEqual(raggedRows('sample.md', text, root), ['sample.md:6: 4 cells, the head has 2'])
    assert.deepEqual(namesIn('// see docs/none.md and loss/riemann.ts', 'src/x.ts'), [
      'docs/none.md',
      'loss/riemann.ts',
    ])
    assert.deepEqual([isThere('docs/none.md', 'src/x.ts'), isThere('loss/riemann.ts', 'src/x.ts')], [false, true])
  } finally {
    documents.delete('sample.md')
  }
})

test('links lead to files that are there, anchors to headings', () => {
  assert.deepEqual(
    [...documents].flatMap(([path, root]) => brokenLinks(path, root)),
    [],
  )
})

test('all rows of a table have as many cells as its head', () => {
  assert.deepEqual(
    [...documents].flatMap(([path, root]) => raggedRows(path, read(path), root)),
    [],
  )
})

/** Words that look like files of the repository: at least one folder, then a name with the ending of a source or a document. */
const namesIn = (text: string, path: string): string[] => {
  const shown = path.endsWith('.md')
    ? text
    : [...text.matchAll(/\/\/.*|\/\*[\s\S]*?\*\/|(?<=^|\s)#.*|`[^`]*`|'[^'\n]*'/gm)].join('\n')
  return [...shown.matchAll(/(?<![\w./~$}<>@-])(?:[\w-]+\/)+[\w.-]+\.(?:md|ts|mjs|yaml|py)\b(?!\/)/g)].map(
    ([name]) => name,
  )
}

/** Whether the name is a file from the root, below src, test or checkpoints, or beside the file that names it. */
const isThere = (name: string, path: string): boolean =>
  ['', 'src', 'test', 'checkpoints', dirname(path)].some((folder) => existsSync(join(packageRoot, folder, name)))

test('files that comments, texts and documents name are there', () => {
  const folders = new Set(tracked.filter((path) => path.includes('/')).map((path) => path.split('/')[0]!))
  const rooms = new Set(tracked.filter((path) => /^(src|test)\//.test(path)).map((path) => path.split('/')[1]!))
  const wrong = tracked
    .filter((path) => /\.(md|ts|mjs|yaml)$/.test(path) && path !== 'test/markdown.test.ts')
    .flatMap((path) =>
      namesIn(read(path), path)
        .filter((name) => !/\bNAME\b/.test(name))
        .filter((name) => (folders.has(name.split('/')[0]!) || rooms.has(name.split('/')[0]!)) && !isThere(name, path))
        .map((name) => `${path} names ${name}`),
    )
  assert.deepEqual(wrong, [])
})
