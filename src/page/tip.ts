// The note beside what a reader points at, or reaches by keys.
import { make } from './dom.js'

const note = make('div', { class: 'tip', role: 'status', hidden: true })

/** Shows lines of a name and a value below a heading, beside an element. */
export function showTip(
  beside: Element,
  heading: string,
  lines: readonly (readonly [name: string, value: string])[],
): void {
  if (!note.isConnected) document.body.append(note)
  note.replaceChildren(
    make('strong', {}, heading),
    make('dl', {}, ...lines.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])),
  )
  note.hidden = false
  const [at, own] = [beside.getBoundingClientRect(), note.getBoundingClientRect()]
  const left = at.right + 10 + own.width < innerWidth ? at.right + 10 : at.left - 10 - own.width
  const top = Math.min(at.top, innerHeight - own.height - 8)
  note.style.setProperty('left', `${Math.max(8, Math.min(left, innerWidth - own.width - 8))}px`)
  note.style.setProperty('top', `${Math.max(8, top)}px`)
}

export function hideTip(): void {
  note.hidden = true
}
