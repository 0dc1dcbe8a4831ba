// What a reader chose, kept in the address of the page: a link shows the same, and a page that loads itself again forgets nothing.

const settings = new URLSearchParams(location.hash.slice(1))

/** The value of a setting; empty where none was chosen. */
export const settingOf = (name: string): string => settings.get(name) ?? ''

/** Keeps a setting; an empty value is none. */
export function keepSetting(name: string, value: string): void {
  if (value) settings.set(name, value)
  else settings.delete(name)
  history.replaceState(null, '', `${location.pathname}${location.search}#${settings}`)
}
