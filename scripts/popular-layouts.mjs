// What each command makes of popular checkpoints: folders of base and fine-tune, with the file names, tensor names and config.json fields that
// are on the hub, and tiny random weights. Of each it shows the whole of the first error.
//   node scripts/popular-layouts.mjs [--only gpt2,vit] [--page]   (after a build; about five minutes; --page writes docs/popular-checkpoints.md)
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { layouts, writePublished } from '../dist/test/layouts/index.js'

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, page: { type: 'boolean', default: false } },
})
const program = new URL('../dist/bundle/cli/main.js', import.meta.url).pathname
const root = mkdtempSync(join(tmpdir(), 'layouts-'))

const tasks = new URL('../checkpoints/tasks/', import.meta.url).pathname
const texts = [
  { prompt: 'one and two make', target: ' three' },
  { prompt: 'the sun is', target: ' warm' },
]
writeFileSync(join(root, 'text.jsonl'), texts.map((row) => `${JSON.stringify(row)}\n`).join(''))
const labelled = ['a good day', 'a bad day'].map((text, label) => ({ text, label }))
writeFileSync(join(root, 'labelled.jsonl'), labelled.map((row) => `${JSON.stringify(row)}\n`).join(''))
const card = (name, more) => [`name: ${name}`, 'version: 1', `description: ${name}`, ...more, ''].join('\n')
const rows = (kind, metric) => [
  `kind: ${kind}`,
  `metric: ${metric}`,
  'data: labelled.jsonl',
  'prompt: "{{text}}"',
  'label: "{{label}}"',
]
writeFileSync(join(root, 'classes.yaml'), card('classes', rows('classify', 'acc')))
writeFileSync(join(root, 'value.yaml'), card('value', rows('classify', 'pearson')))
const pictures = [0, 1, 2].map((label) => ({ image: join(tasks, 'colour.png'), crop: [16 * label, 0, 16, 16], label }))
writeFileSync(join(root, 'images.jsonl'), pictures.map((row) => `${JSON.stringify(row)}\n`).join(''))
const classes = ['classes: [red, green, blue]', 'templates: ["a photo of {}"]']
writeFileSync(
  join(root, 'images.yaml'),
  card('images', ['kind: images', 'metric: acc', 'data: images.jsonl', ...classes]),
)
const TASKS = { text: 'text.jsonl', classes: 'classes.yaml', value: 'value.yaml', images: 'images.yaml' }

function run(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { cwd: root, encoding: 'utf8' })
  const said = `${stdout}${stderr}`.replaceAll(root, '.').trim()
  const errors = stderr
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('deltalab: '))
  return {
    words,
    status,
    said,
    error: status === 0 ? '' : (errors.at(-1) ?? said.split('\n').at(-1)).replaceAll(root, '.'),
  }
}

/** The command as a person gives it first, and again as its error advises, where it names an option. */
function follow(...words) {
  const tries = [run(...words)]
  for (;;) {
    const { status, error, words: given } = tries.at(-1)
    const [option] = error.match(/--(ignore-unmatched|allow-crimes)\b/) ?? []
    if (status === 0 || !option || given.includes(option)) return tries
    tries.push(run(...given, option))
  }
}

/** Every command on one layout. */
function tryLayout({ base, post, task }, name) {
  writePublished(join(root, name, 'base'), base, false)
  writePublished(join(root, name, 'post'), post, true)
  const [one, two] = [`${name}/base`, `${name}/post`]
  const merge = {
    merge_method: 'task_arithmetic',
    base_model: one,
    models: [{ model: two, parameters: { weight: 0.5 } }],
    dtype: 'float32',
  }
  writeFileSync(join(root, name, 'merge.yml'), JSON.stringify(merge))
  const dare = ['--editor', 'dare', '--drop', '0.5']
  return {
    inspect: follow('inspect', one, two),
    edit: follow('edit', one, two, ...dare, '--out', `${name}/edited`),
    merge: follow('merge', `${name}/merge.yml`, '--out', `${name}/merged`),
    extract: follow('extract', one, two, '--rank', '2', '--out', `${name}/adapter`),
    eval: follow('eval', two, '--task', TASKS[task]),
    'eval of the edited': follow('eval', `${name}/edited`, '--task', TASKS[task]),
    attribute: follow('attribute', one, two, ...dare, '--task', TASKS[task]),
  }
}

const only = values.only.split(',').filter(Boolean)
const found = []
try {
  for (const layout of layouts) {
    const title = `${layout.base.repo} → ${layout.post.repo}`
    if (only.length && !only.some((part) => title.toLowerCase().includes(part.toLowerCase()))) continue
    const results = tryLayout(layout, layout.post.repo.split('/').at(-1).replaceAll(' ', '-'))
    found.push({ title, results })
    console.log(`\n${title}`)
    for (const [command, tries] of Object.entries(results))
      for (const { words, error, said } of tries) {
        const notes = said.split('\n').filter((line) => /^(note|warning):/.test(line))
        const options = words.filter((word) => /^--(ignore|allow)/.test(word)).join(' ')
        console.log(`  ${command} ${options}: ${[error || 'ok', ...(error ? [] : notes)].join('\n      ')}`)
      }
  }
} finally {
  rmSync(root, { recursive: true })
}

/** The table, and the errors below it, each once. */
function page() {
  const errors = []
  const noteOf = (error) => {
    const general = error
      .replace('deltalab: ', '')
      .replace(/(\S+\/)?(base|post|edited)\/(?=\w+\.json)/g, '')
      .replace(/\S+\/(base|post)\b/g, '$1')
    if (!errors.includes(general)) errors.push(general)
    return errors.indexOf(general) + 1
  }
  const cell = (tries) => {
    const notes = tries.flatMap(({ error }) => (error ? [noteOf(error)] : []))
    const worked = tries.at(-1).status === 0
    return notes.length ? `${worked ? 'yes, after' : 'no,'} ${notes.join(', ')}` : 'yes'
  }
  const commands = Object.keys(found[0].results)
  const table = found.map(({ title, results }) => [title, ...commands.map((command) => cell(results[command]))])
  const row = (cells) => `| ${cells.join(' | ')} |`
  return [
    '# Popular checkpoints',
    '',
    'Folders with the file names, tensor names and config.json fields of published models, tiny random weights, and what each command makes',
    'of base and fine-tune. *yes, after n*: the first try ends with error n, and the next works, with the option that it names. *no, n*: error n',
    'is the answer. `eval` is of the fine-tune. Written by `node scripts/popular-layouts.mjs --page`.',
    '',
    row(['base → fine-tune', ...commands]),
    row(['base', ...commands].map(() => '---')),
    ...table.map(row),
    '',
    ...errors.map((error, i) => `${i + 1}. ${error}`),
    '',
  ].join('\n')
}
if (values.page) writeFileSync(new URL('../docs/popular-checkpoints.md', import.meta.url), page())
