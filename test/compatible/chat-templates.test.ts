// Chat templates as transformers 5.18.0 renders them, and templates of cards as lm-evaluation-harness 0.4.13 does, both on jinja2
// 3.1.6. Made by test/fixtures/jinja/make.py: what Python refuses must be refused, and what is not supported too.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { UserError } from '../../src/errors/index.js'
import { type Callable, compile, parseNumbers } from '../../src/jinja/index.js'
import { loadTask } from '../../src/tasks/index.js'
import { loadChat } from '../../src/tokenizer/index.js'
import { temporary } from '../checkpoint/files.js'
import { compatible } from './row.js'

interface Case {
  kind: 'chat' | 'card'
  template: string
  text?: string
  error?: string
  name?: string
  talk?: 'system' | 'user'
  prompt?: boolean
}

const { talks, special, row, cases } = parseNumbers(
  readFileSync(join('test', 'fixtures', 'jinja', 'expected.json'), 'utf8'),
) as {
  talks: Record<string, unknown[]>
  special: Record<string, string>
  row: Record<string, unknown>
  cases: Case[]
}

/** Not supported, so refused: beyond what the parser reads, or seldom. */
const REFUSED = [
  /\b1e3|9007199254740993|\b1e20|\b1e16|1\.5e-7/,
  /1 < 2 < 3|3 > 2 > 2/,
  /\(1,\)|(\{\{|%) \(\) \}\}/,
  /expandtabs|truncate|pprint|filesizeformat|cycler/,
  /recursive|\{%\+|\{% block /,
]
const isRefused = ({ template }: Case) => REFUSED.some((pattern) => pattern.test(template))

const refuse: Callable = ([reason]) => {
  throw new Error(String(reason))
}
function fill({ kind, template, talk = 'system', prompt = true }: Case): string {
  if (kind === 'card') return compile(template, kind).fill(row)
  return compile(template, kind).fill(
    { ...special, messages: talks[talk], tools: null, documents: null, add_generation_prompt: prompt },
    { raise_exception: refuse, strftime_now: () => '2026' },
  )
}

const agree = (choose: (each: Case) => boolean, least: number) => () => {
  const chosen = cases.filter((each) => choose(each) && (each.error !== undefined || !isRefused(each)))
  assert.ok(chosen.length >= least, String(chosen.length))
  for (const each of chosen) {
    if (each.error === undefined) assert.equal(fill(each), each.text, each.template)
    else assert.throws(() => fill(each), Error, each.template)
  }
}
const CHAT = 'transformers 5.18.0 with jinja2 3.1.6'
const CARD = 'lm-eval 0.4.13 with jinja2 3.1.6'
compatible(
  {
    what: 'chat templates of sixteen shapes: instructions in brackets, headers, ChatML, thinking, tools, dates, macros',
    outcome: 'read',
    like: CHAT,
  },
  agree(({ name }) => name !== undefined, 64),
)
compatible({ what: 'a chat template whose lines end in CR LF, or in CR', outcome: 'read', like: CHAT }, () => {
  const lines = ['{% for m in messages %}', "{{ m.role + '", "' }}", '{% endfor %}', '']
  const fillOf = (end: string) => compile(lines.join(end), 'chat').fill({ messages: [{ role: 'user' }] })
  for (const end of ['\n', '\r\n', '\r']) assert.equal(fillOf(end), 'user\n\n')
  assert.equal(compile("{{ 'a\\r\\nb' }}", 'chat').fill({}), 'a\r\nb')
})
compatible(
  {
    what: 'expressions and blocks of chat templates',
    outcome: 'read',
    like: CHAT,
    note: 'some 400 of them: % of texts, slices, methods, filters, tests, loops and their scopes',
  },
  agree(({ kind, name }) => kind === 'chat' && name === undefined, 370),
)
compatible(
  {
    what: 'expressions and blocks of cards',
    outcome: 'read',
    like: CARD,
    note: 'strict about what is undefined; lists, True and 2.0 print as in Python; no line break is lost; regex_replace',
  },
  agree(({ kind }) => kind === 'card', 370),
)
compatible(
  {
    what: 'numbers like 1e3, integers beyond 2^53, chained comparisons, block, recursive, empty tuples',
    outcome: 'refused',
    like: 'write them otherwise',
  },
  () => {
    const chosen = cases.filter((each) => isRefused(each) && each.error === undefined)
    assert.ok(chosen.length > 20, String(chosen.length))
    for (const each of chosen)
      assert.throws(
        () => fill(each),
        (error: Error) => !error.message.includes('not jinja'),
        each.template,
      )
  },
)

compatible(
  {
    what: 'raw blocks of a template, with the spaces and line breaks around their tags',
    outcome: 'read',
    like: 'jinja2 3.1.6',
  },
  () => {
    const cases: [template: string, chat: string, card: string][] = [
      [
        'a\n  {% raw %}\n {{ x }} {% if %} "\\n"\n  {% endraw %}\n  {% if true %}b{% endif %}',
        'a\n\n {{ x }} {% if %} "\\n"\nb',
        'a\n  \n {{ x }} {% if %} "\\n"\n  \n  b',
      ],
      ['{% raw -%}  {# c #}  {%- endraw -%}  b', '{# c #}b', '{# c #}b'],
      ['a {%- raw %} } {% endraw %} {%- if true -%} c {%- endif -%}\n', 'a } c', 'a } c'],
      ['{ {%- raw %}{a}{% endraw -%} }', '{{a}}', '{{a}}'],
      ['{# {% raw %} #}{{ "{% raw %}" }}{%raw%}$&{%  endraw  %}\n', '{% raw %}$&', '{% raw %}$&\n'],
      ['{% raw %}a{% endraw %}  {% raw %}b{% endraw +%}\n  {%+ raw %}c{% endraw %}', 'a  b\n  c', 'a  b\n  c'],
    ]
    for (const [template, ...texts] of cases)
      assert.deepEqual([compile(template, 'chat').fill({}), compile(template, 'card').fill({})], texts, template)
  },
)

compatible(
  {
    what: 'with, filters of blocks, and tests with an argument in a template',
    outcome: 'read',
    like: 'jinja2 3.1.6',
  },
  () => {
    const cases: [template: string, text: string][] = [
      ['{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}', '177'],
      ['{% with %}{% set a = 2 %}{{ a }}{% endwith %}{{ a }}', '27'],
      [
        '{% for i in range(4) %}{% with j = i %}{% if j == 2 %}{% break %}{% endif %}{{ j }}{% endwith %}{% endfor %}',
        '01',
      ],
      ["{% filter replace('a', 'b') | upper %}a{% endfilter %}", 'B'],
      ['{% set x | upper | trim %} {% set y | upper %}b{% endset %}a{{ y }}{% endset %}{{ x }}', 'AB'],
      ['{{ a is divisibleby(7) | string | upper }} {{ a is not divisibleby 2 and true }}', 'TRUE True'],
      ["{{ 'and' is in ['and'] }} {{ a is eq m.z[0] }} {{ 'and' is eq 'and' }} {{ m.is }}", 'True True True 3'],
    ]
    for (const [template, text] of cases)
      assert.equal(compile(template, 'chat').fill({ a: 7, m: { z: [7], is: 3 } }), text, template)
    const refused = (template: string, words: RegExp) =>
      assert.throws(() => compile(template, 'chat').fill({ a: 7 }), { name: 'Error', message: words })
    refused('{{ a is divisibleby }}', /^the test divisibleby has one argument, not 0$/)
    refused('{% set a() %}b{% endset %}', /^only names and attributes of a namespace can be set$/)
    refused('{% with a %}{% endwith %}', /^is not jinja/)
  },
)

/** A folder of the test, and what writes a file of it. */
function makeFolder() {
  const folder = temporary()
  const write = (name: string, content: string | object) =>
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  return { folder, write }
}
compatible(
  {
    what: 'tools and documents are None in a chat template, and special tokens those of tokenizer_config.json',
    outcome: 'read',
    like: CHAT,
  },
  async () => {
    const { folder, write } = makeFolder()
    write('tokenizer_config.json', {
      bos_token: '<s>',
      eos_token: { content: '</s>' },
      unk_token: '<unk>',
      cls_token: '<c>',
      extra_special_tokens: { image_token: '<i>' },
    })
    const rest = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}'
    const say = async (template: string) => {
      write('chat_template.jinja', template + rest)
      return (await loadChat(folder))([{ role: 'user', content: 'one and' }], { answer: true })
    }
    assert.equal(await say('{% if tools is not none %}You have tools: {% endif %}'), '<user>one and')
    assert.equal(
      await say('{% if documents is not none and documents | length > 0 %}Read: {% endif %}'),
      '<user>one and',
    )
    assert.equal(
      await say(
        "{{ '%s' % bos_token }}{{ eos_token ~ unk_token ~ cls_token ~ image_token }}{{ sep_token is defined }}",
      ),
      '<s></s><unk><c><i>False<user>one and',
    )
    await assert.rejects(
      say('{{ sep_token + bos_token }}'),
      (error) => error instanceof UserError && /sep_token is undefined/.test(error.message),
    )
  },
)
compatible(
  {
    what: '2.0 in JSON, Parquet and examples of a card, and integers beyond 2^53',
    outcome: 'read',
    like: CARD,
    note: 'a whole float of a struct with other kinds of numbers, in Parquet, is read as an integer',
  },
  async () => {
    const { folder, write } = makeFolder()
    const card = {
      name: 'n',
      version: 1,
      description: 'd',
      prompt: '{{x}} {{n}} {{big}} {{list}}',
      target: '{{x}}!',
      metric: 'exact_match',
      max_new_tokens: 4,
    }
    const promptOf = async (more: object, shown = false) => {
      // YAML with a float that JSON would lose.
      const samples = shown
        ? '\nfewshot: { number: 1, samples: [{ x: 2.0, n: 2, big: 9007199254740993, list: [1.0] }] }'
        : ''
      write(
        'n.yaml',
        Object.entries({ ...card, ...more })
          .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
          .join('\n') + samples,
      )
      return (await loadTask(join(folder, 'n.yaml'))).items[0]!.prompt
    }
    write('n.jsonl', '{"x": 2.0, "n": 2, "big": 9007199254740993, "list": [1.0, 2.5]}\n')
    const bigs = { name: 'big', data: [9007199254740993n], type: 'INT64' as const }
    writeFileSync(
      join(folder, 'n.parquet'),
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'x', data: [2], type: 'DOUBLE' },
            { name: 'n', data: [2], type: 'INT32' },
            bigs,
            { name: 'list', data: [3], type: 'FLOAT' },
          ],
        }),
      ),
    )
    assert.equal(await promptOf({ data: 'n.jsonl' }), '2.0 2 9007199254740993 [1.0, 2.5]')
    assert.equal(await promptOf({ data: 'n.parquet' }), '2.0 2 9007199254740993 3.0')
    assert.equal(await promptOf({ data: 'n.jsonl', prompt: '{{x}} {{n}}' }, true), '2.0 22.0!\n\n2.0 2')
  },
)
