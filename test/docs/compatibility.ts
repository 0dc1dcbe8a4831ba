// The tables of docs/compatibility.md, from the rows that the tests of test/compatible declare. Written by scripts/docs.mjs.
import { listRows } from '../compatible/row.js'

/** The sections, heading first. */
export async function describeCompatibility(): Promise<string> {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const sections = [...(await listRows())].map(([area, rows]) => {
    const lines = rows.map(
      ({ what, outcome, like, note = '' }) => `| ${[what, outcome, like, note].map(cell).join(' | ')} |`,
    )
    const title = area.replaceAll('-', ' ').replace(/^gguf$/, 'GGUF')
    return [
      `### ${title[0]!.toUpperCase()}${title.slice(1)}`,
      '',
      '| what | deltalab | equal to, or what to do | note |',
      '|---|---|---|---|',
      ...lines,
      '',
    ].join('\n')
  })
  return `## Tables\n\n${sections.join('\n')}`
}
