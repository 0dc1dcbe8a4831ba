// Popular checkpoints as they are published: base and fine-tune are read, and an edit that changes nothing gives a folder whose loss is
// the fine-tune's. scripts/popular-layouts.mjs tries all of them through the command line.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { edit, evaluate, openPair } from '../../src/api/index.js'
import { BACKEND } from '../backend.js'
import { layouts, writePublished } from './index.js'

let root: string
before(() => {
  root = mkdtempSync(join(tmpdir(), 'layouts-'))
  const rows = ['a good day', 'a bad day'].map((text, label) =>
    JSON.stringify({ text, label, prompt: text, target: ' again' }),
  )
  writeFileSync(join(root, 'rows.jsonl'), `${rows.join('\n')}\n`)
  const card = {
    name: 'rows',
    version: 1,
    description: 'rows',
    kind: 'classify',
    data: 'rows.jsonl',
    prompt: '{{text}}',
    label: '{{label}}',
  }
  writeFileSync(join(root, 'classes.yaml'), JSON.stringify({ ...card, metric: 'acc' }))
  writeFileSync(join(root, 'value.yaml'), JSON.stringify({ ...card, metric: 'pearson' }))
})
after(() => rmSync(root, { recursive: true }))

const TASKS: Record<string, string> = { text: 'rows.jsonl', classes: 'classes.yaml', value: 'value.yaml' }

const telling = ['gpt2', 'WizardMath', 'Skywork', 'bert-base', 'gpt-oss']
for (const part of telling)
  test(`${part}: edited without a change, and evaluated`, async () => {
    const { base, post, task } = layouts.find((each) => each.post.repo.includes(part))!
    const at = (name: string) => join(root, part, name)
    writePublished(at('base'), base, false)
    writePublished(at('post'), post, true)
    await using pair = await openPair(at('base'), at('post'), { ignoreUnmatched: true })
    const { parameters } = await edit(pair, { editor: 'expo', alpha: 0 }, { out: at('edited') })
    assert.ok(parameters > 10_000)
    const options = { task: join(root, TASKS[task]!), backend: BACKEND } as const
    if (part === 'gpt-oss') {
      await assert.rejects(
        evaluate(at('edited'), options),
        /"gpt_oss".*cannot be run.*inspect, edit, merge and extract work/,
      )
      return
    }
    const [own, edited] = [await evaluate(at('post'), options), await evaluate(at('edited'), options)]
    assert.ok(own.loss! > 0)
    assert.deepEqual([edited.loss, edited.score], [own.loss, own.score])
  })
