// The README of an experiment, which says its question and its finding, as HTML for a page that stands alone.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** README.md beside the rows, or that of the experiment in a project: `experiments/<name>` next to `results/<name>`. */
export function findReadme(folder: string, experiment: string): string | null {
  const beside = resolve(folder, 'README.md')
  const ofProject = resolve(folder, '..', '..', 'experiments', experiment, 'README.md')
  const path = [beside, ofProject].find((file) => existsSync(file))
  return path === undefined ? null : readFileSync(path, 'utf8')
}

/**
 * Markdown as HTML whose headings begin at the third level. HTML in it is shown as text, pictures are left out (a page has its own
 * figures), and links to files, which the page does not have, are their words.
 */
export async function readmeHtml(text: string): Promise<string> {
  const [{ micromark }, { gfm, gfmHtml }] = await Promise.all([import('micromark'), import('micromark-extension-gfm')])
  const body = text.replace(/^# .*\n/, '')
  return micromark(body, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })
    .replace(/<img [^>]*>/g, '')
    .replace(/<a href="(?!https?:)[^"]*"[^>]*>(.*?)<\/a>/gs, '$1')
    .replace(/<(\/?)h([1-4])>/g, (_, end, level) => `<${end}h${Number(level) + 2}>`)
}
