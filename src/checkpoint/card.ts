// The README.md of a checkpoint that this program made: what went in (with the content of each file), what was done, what did it.

export interface Provenance {
  title: string
  /** Folder of each input, only the last part of its path, and what names the content of each file: SHA-256, or what `named` says. */
  inputs: { role: string; name: string; contents: Record<string, string> }[]
  /** What names contents, and a sentence on it. */
  named?: { heading: string; meaning: string }
  /** What was done: option names and values. */
  settings: Record<string, unknown>
  /** Names and versions of the programs and the backend. */
  software: Record<string, string>
  citations?: string[]
}

/** A Hugging Face model card; no date, so that the same inputs give the same bytes. */
export function writeCard({ title, inputs, named, settings, software, citations = [] }: Provenance): string {
  const table = (head: string[], rows: string[][]): string =>
    [head, head.map(() => '---'), ...rows]
      .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
      .join('\n')
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  return `${[
    '---\nlibrary_name: transformers\ntags:\n- deltalab\n- delta-editing\n---',
    `# ${title}`,
    '## What was done',
    table(
      ['setting', 'value'],
      Object.entries(settings).map(([name, value]) => [name, text(value)]),
    ),
    '## Inputs',
    table(
      ['input', 'folder', 'file', named?.heading ?? 'SHA-256'],
      inputs.flatMap(({ role, name, contents }) =>
        Object.entries(contents).map(([file, content]) => [role, name, file, content]),
      ),
    ),
    ...(named ? [named.meaning] : []),
    '## Software',
    table(['software', 'version'], Object.entries(software)),
    ...(citations.length ? ['## Sources', citations.map((cite) => `- ${cite}`).join('\n')] : []),
  ].join('\n\n')}\n`
}
