// Text in lines that fit a terminal.

/** Lines longer than so many columns are broken at spaces; those of tables stay as they are. */
export const wrapText = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => (line.length <= columns || line.startsWith('|') ? line : wrapLine(line, columns)))
    .join('\n')

function wrapLine(text: string, columns: number): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}
