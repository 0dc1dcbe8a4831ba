// Elements of the page. Text is always text: nothing that a row says becomes markup.

type Child = Node | string | null
type Attribute = string | number | boolean | null | ((event: Event) => void)

/** An element. Functions are listeners, `true` is an attribute without a value; `false` and null are none. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Attribute> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== null))
  return element
}

/** A box that scrolls by itself where its content is wider, by keys too. */
export const scrollBox = (label: string, ...children: Child[]): HTMLElement =>
  make('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label }, ...children)

/** How many choices there are: each has an id for its label. */
let made = 0

/** A choice with its label. @param choices value and words; the value '' is the first one's */
export function choice(
  label: string,
  choices: readonly (readonly [value: string, words: string])[],
  value: string,
  onChange: (value: string) => void,
): HTMLElement {
  const options = choices.map(([each, words]) => make('option', { value: each, selected: each === value }, words))
  const id = `choice-${made++}`
  const select = make('select', { id, change: () => onChange(select.value) }, ...options)
  return make('div', { class: 'choice' }, make('label', { for: id }, label), select)
}

/** A switch with its label. */
export function switchOf(label: string, on: boolean, onChange: (on: boolean) => void): HTMLElement {
  const box = make('input', { type: 'checkbox', checked: on, change: () => onChange(box.checked) })
  return make('label', { class: 'switch' }, box, label)
}

/** Saves text under a name, as a click on a link would. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  make('a', { href: url, download: name }).click()
  URL.revokeObjectURL(url)
}

/** Calls once the element is near what a reader sees, or is to be printed. */
export function whenNear(element: Element, call: () => void): void {
  const start = () => {
    watcher.disconnect()
    removeEventListener('beforeprint', start)
    call()
  }
  const watcher = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && start(), {
    rootMargin: '600px',
  })
  watcher.observe(element)
  addEventListener('beforeprint', start)
}
