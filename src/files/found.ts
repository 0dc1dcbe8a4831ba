// Sentences about what an earlier run left on the disk and what becomes of it, for the person at the command line. From code
// nothing is said.
let say: (text: string) => void = () => {}

/** @param sayFound takes the sentences from now on */
export function onFound(sayFound: (text: string) => void): void {
  say = sayFound
}

export const tellFound = (text: string): void => say(text)
