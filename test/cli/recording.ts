// Reads what was written to a terminal: the line that was drawn again and again, and the text that stayed.

const CLEAR = '\u001b[K'

/** @param screen all that was written */
export function framesOf(screen: string): { drawn: string[]; left: string } {
  const drawn: string[] = []
  let left = ''
  // A drawn line begins at the left edge and ends with the rest of the line cleared.
  for (const piece of screen.replaceAll('\r\n', '\n').split('\r')) {
    const end = piece.indexOf(CLEAR)
    if (end > 0) drawn.push(piece.slice(0, end))
    left += piece.slice(end < 0 ? 0 : end + CLEAR.length)
  }
  return { drawn, left }
}
