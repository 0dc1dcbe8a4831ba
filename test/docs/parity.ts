// docs/fixtures.md: every method and convention with the tool it was compared with and the worst difference. Written by
// scripts/docs.mjs; tested to be current.
import { readFileSync } from 'node:fs'
import { editorNamed } from '../../src/editors/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { meant as editorMeant, runCase as runEditor, runnable } from '../editors/cases.js'
import { type CommandCase, runCommand } from '../merge/fixtures.js'
import { cases, runCase as runMerger } from '../mergers/fixtures.js'
import { meant as mergerMeant } from '../mergers/meant.js'

interface Line {
  method: string
  convention: string
  oracle: string
  /** Worst |ours - expected|, and the largest share of its tolerance. */
  worst: number
  share: number
}

const oracles = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/methods/oracles.json', import.meta.url), 'utf8'),
) as Record<string, string>

/** Repository with version or commit, then the function; what stands in brackets is the manifest's. */
function shorten(oracle: string): string {
  if (oracle.startsWith('formula'))
    return `formula in float64${/arXiv \d+\.\d+/.exec(oracle)?.[0].replace(/^/, ', ') ?? ''}`
  return oracle
    .replace(/ \((DARE|WIDEN|ExPO|inner [^)]*|run in cli\/|[^)]*own gptq[^)]*)\)/g, '')
    .replace(" and this generator's weighted sum", '')
}

async function editorLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const reference of runnable) {
    const [name, options] = editorMeant(reference)
    const convention = 'convention' in editorNamed(name).options.shape ? String(options.convention ?? 'paper') : 'paper'
    const line = { method: name, convention, oracle: shorten(oracles[reference.id]!), worst: 0, share: 0 }
    for (const { actual, expected } of await runEditor(reference)) {
      const { tolerance } = reference
      expected.forEach((b, i) => {
        const error = Math.abs(actual[i]! - b)
        const allowed = tolerance.kind === 'exact' ? 0 : tolerance.rtol * Math.abs(b) + tolerance.atol
        line.worst = Math.max(line.worst, error)
        line.share = Math.max(line.share, error === 0 ? 0 : error / allowed)
      })
    }
    lines.push(line)
  }
  return lines
}

async function mergerLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const reference of cases.filter(({ kind, output }) => kind === 'mergers' && output !== 'json')) {
    const { merging, label, steps } = mergerMeant(reference)
    const { error, share } = await runMerger(reference)
    const own = steps[0]?.[0]?.options.convention as string | undefined
    const convention = own && own !== merging.convention ? `${own} + ${merging.convention}` : merging.convention
    lines.push({ method: label, convention, oracle: shorten(reference.oracle), worst: error, share })
  }
  return lines
}

async function commandLines(): Promise<Line[]> {
  const lines: Line[] = []
  for (const reference of cases.filter(({ kind }) => kind === 'cli')) {
    const { worst, share } = await runCommand(reference as CommandCase)
    lines.push({
      method: `merge_method: ${reference.method}`,
      convention: 'mergekit',
      oracle: `${shorten(reference.oracle)} (${reference.id})`,
      worst,
      share,
    })
  }
  return lines
}

/** One row per method, convention and oracle. */
function table(lines: Line[]): string {
  const groups = new Map<string, Line[]>()
  for (const line of lines) {
    const key = `| ${line.method} | ${line.convention} | ${line.oracle.replaceAll('|', '\\|')} |`
    groups.set(key, [...(groups.get(key) ?? []), line])
  }
  const rows = [...groups].map(([key, group]) => {
    const most = (pick: (line: Line) => number): number => Math.max(...group.map(pick))
    const worst = most(({ worst: own }) => own)
    return `${key} ${group.length} | ${worst === 0 ? '0' : worst.toExponential(1)} | ${(100 * most(({ share }) => share)).toFixed(0)} % |`
  })
  return [
    '| method | convention | compared with | cases | worst difference | of the tolerance |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

/** The sections of docs/fixtures.md below its introduction. */
export async function describeFixtures(): Promise<string> {
  await setBackend(BACKEND)
  const sections = [
    ['Editors', await editorLines()],
    ['Mergers', await mergerLines()],
    ['The merge command', await commandLines()],
  ] as const
  return `${sections.map(([title, lines]) => `## ${title}\n\n${table(lines)}\n`).join('\n')}`
}
