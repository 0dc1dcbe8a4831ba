// Tasks put to a chat model: the messages that lm-evaluation-harness makes, what cannot be asked, and eval and sweep with a template.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadExperiment } from '../../src/config/index.js'
import { askInChat, encodeItems, type Reader } from '../../src/evaluate/index.js'
import { openInputs, planRuns } from '../../src/plan/index.js'
import { measureModel } from '../../src/run/index.js'
import { loadPair } from '../../src/run/loaded-pair.js'
import { measureReference } from '../../src/run/reference.js'
import { loadTask } from '../../src/tasks/index.js'
import { setBackend } from '../../src/tensor/index.js'
import { BACKEND } from '../backend.js'
import { assertClose } from '../close.js'
import { items, makePair } from '../run/pair.js'
import { ofKind } from '../tasks/kinds.js'

const folder = makePair()
const TEMPLATE =
  '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}'
const templated = (name: string, chat_template: string) => {
  cpSync(join(folder, 'post'), join(folder, name), { recursive: true })
  const config = JSON.parse(readFileSync(join(folder, 'post/tokenizer_config.json'), 'utf8')) as object
  writeFileSync(
    join(folder, name, 'tokenizer_config.json'),
    JSON.stringify({ ...config, bos_token: '<s>', chat_template }),
  )
  return join(folder, name)
}
const card = (name: string, fields: object, rows: object[]) => {
  writeFileSync(join(folder, `${name}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  writeFileSync(
    join(folder, `${name}.yaml`),
    JSON.stringify({ name, version: 1, description: 'd', data: `${name}.jsonl`, ...fields }),
  )
  return loadTask(join(folder, `${name}.yaml`))
}
let model: string
before(async () => {
  await setBackend(BACKEND)
  model = templated('chat', TEMPLATE)
})
after(() => rmSync(folder, { recursive: true }))

test('preamble as the system message, examples and question as one message of the user, no delimiter', async () => {
  const task = await card(
    'ask',
    {
      preamble: 'About {{topic}}.\n\n',
      prompt: 'Q: {{q}}\nA:',
      target: '{{a}}',
      delimiter: ' ',
      metric: 'exact_match',
      max_new_tokens: 4,
      fewshot: { number: 1, samples: [{ q: 'one', a: '1' }] },
    },
    [{ topic: 'sums', q: 'two', a: '2' }],
  )
  const { items, delimiter, chat } = ofKind('generate', await askInChat(task, model, true))
  const { prompt, target } = items[0]!
  assert.equal(prompt, '<s>[system]About sums.\n\n[user]Q: one\nA: 1\n\nQ: two\nA:[assistant]')
  assert.deepEqual([target, delimiter, chat], ['2', '', true])
  const {
    items: [asked],
  } = await askInChat(task, model, { system: 'Be short.' })
  assert.ok(asked!.prompt.startsWith('<s>[system]Be short.\n\nAbout sums.\n\n[user]Q: one'))
  assert.equal(await askInChat(task, model, undefined), task)
})

test('every choice is asked for in the same chat, and follows it at once', async () => {
  const task = await card(
    'pick',
    { kind: 'choices', prompt: '{{q}}', choices: ['yes', 'no'], right: '{{a}}', metric: 'acc' },
    [{ q: 'Well?', a: 'no' }],
  )
  const { items, delimiter } = ofKind('choices', await askInChat(task, model, true))
  const { choices, prompt } = items[0]!
  const asked = '<s>[user]Well?[assistant]'
  assert.deepEqual(
    [choices, prompt, delimiter],
    [
      [
        { prompt: asked, text: 'yes' },
        { prompt: asked, text: 'no' },
      ],
      asked,
      '',
    ],
  )
})

test('special tokens are those of the template, and no others', async () => {
  const asked: (boolean | undefined)[] = []
  const reach = { vocabulary: Infinity, positions: 999, objective: 'causal' } as const
  const encode = async (texts: readonly string[], { special }: { special?: boolean } = {}) =>
    texts.map((text) => (asked.push(special), [...text].map(() => 1)))
  const reader: Reader = { encode, encodePairs: async () => [], decode: () => '', vocabulary: 9, eos: 2, pad: 2 }
  const task = await loadTask(join(folder, 'items.jsonl'))
  await encodeItems(await askInChat(task, model, true), reader, reach)
  assert.ok(asked.length === 2 * items.length && asked.every((special) => !special))
  await encodeItems(task, reader, reach, { items: 1 })
  assert.equal(asked.at(-2), true)
})

test('what cannot be asked in a chat', async () => {
  const task = await card(
    'complete',
    { prompt: '{{prompt}}', target: '', metric: 'humaneval_pass1', max_new_tokens: 4 },
    [{ prompt: 'def f():', test: 'def check(f): pass', entry_point: 'f' }],
  )
  await assert.rejects(askInChat(task, model, true), /task complete: its answers go on where the prompt ends/)
  const classes = await card('classes', { kind: 'classify', prompt: '{{prompt}}', label: '{{label}}', metric: 'acc' }, [
    { prompt: 'a', label: 0 },
  ])
  await assert.rejects(askInChat(classes, model, true), /task classes is of the kind classify/)
  await assert.rejects(
    askInChat(await loadTask(join(folder, 'items.jsonl')), join(folder, 'post'), true),
    /no chat template/,
  )
})

test('eval and a sweep measure what the same prompts, written out, give', async () => {
  const own = templated(
    'own',
    "{% for m in messages %}{{ 'w100 ' if m.role == 'system' else 'w101 ' }}{{ m.content }} {% endfor %}{% if add_generation_prompt %}w102{% endif %}",
  )
  writeFileSync(
    join(folder, 'written.jsonl'),
    items
      .map(({ prompt, target }) => `${JSON.stringify({ prompt: `w100 w7 w101 ${prompt} w102`, target })}\n`)
      .join(''),
  )
  const written = await measureModel(own, join(folder, 'written.jsonl'))
  const found = await measureModel(own, join(folder, 'items.jsonl'), { chat: { system: 'w7' } })
  assert.deepEqual({ ...found, task: '' }, { ...written, task: '' })
  const plain = await measureModel(own, join(folder, 'items.jsonl'))
  assert.ok(Math.abs(plain.loss! - written.loss!) > 1e-3)

  const file = join(folder, 'x.yaml')
  const write = (model: object) =>
    writeFileSync(
      file,
      JSON.stringify({
        name: 'x',
        models: [{ name: 'm', base: 'base', post: 'own', tasks: ['items.jsonl'], ...model }],
        editors: [{ editor: 'dare', drop_rate: 0.5 }],
      }),
    )
  const plan = async () => {
    const experiment = await loadExperiment(file)
    const inputs = await openInputs(experiment)
    return {
      experiment,
      inputs,
      runs: planRuns(
        experiment,
        inputs.map(({ tasks }) => tasks.map(({ source, task: { name, version } }) => ({ name, version, source }))),
      ),
    }
  }
  write({})
  const {
    runs: [without],
  } = await plan()
  write({ chat: { system: 'w7' } })
  const {
    experiment,
    inputs,
    runs: [run],
  } = await plan()
  assert.notEqual(run!.id, without!.id)
  assert.equal(inputs[0]!.tasks[0]!.task.items[0]!.prompt, `w100 w7 w101 ${items[0]!.prompt} w102`)
  const home = await loadPair(experiment.models[0]!)
  const given = { needsGradient: false, runs: 1 }
  const reference = await measureReference(home, run!.task, { score: false, loss: experiment.loss }, given)
  home.dispose()
  assertClose(reference.loss!.post.mean, written.loss!, { tolerance: 1e-6 })
  write({ post: 'post', chat: true })
  await assert.rejects(plan(), /no chat template/)
})
