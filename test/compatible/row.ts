// A test that is also a row of docs/compatibility.md: what a user has, what deltalab makes of it, and which tool that is
// held against. A file `<area>.test.ts` of this folder holds nothing but such tests, so that the rows can be listed without
// running them.
import { readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'

export interface Row {
  /** What a user has, in a few words. */
  what: string
  /** `read`: the result is that of the tool in `like`; `refused`: an error names it; `differs`: read, with a known difference. */
  outcome: 'read' | 'refused' | 'differs'
  /** For `read` and `differs`: tool and version. For `refused`: what the error says to do instead. */
  like: string
  /** For `differs`: the difference. For `read`: a limit worth knowing. */
  note?: string | undefined
}

let listed: Row[] | null = null

/** Declares the test of a row. */
export function compatible(row: Row, check: (context: TestContext) => void | Promise<void>): void {
  if (listed) listed.push(row)
  else test(row.what, check)
}

/** The rows of every file of this folder, by area: the stem of the file's name. Runs no check. */
export async function listRows(): Promise<Map<string, Row[]>> {
  const areas = new Map<string, Row[]>()
  const files = readdirSync(new URL('.', import.meta.url)).sort()
  for (const area of files.flatMap((name) => /^(.*)\.test\.js$/.exec(name)?.[1] ?? [])) {
    listed = []
    await import(`./${area}.test.js`)
    areas.set(area, listed)
  }
  listed = null
  return areas
}
