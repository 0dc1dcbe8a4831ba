// Chat templates and pairs of texts against what transformers gives.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors/index.js'
import { loadChat, loadTokenizer, type Message } from '../../src/tokenizer/index.js'

const fixtures = join('test', 'fixtures', 'tokenizers')
interface More {
  pairs: { text: string; pair: string; ids_with_special: number[]; type_ids: number[] }[]
  chats: { messages: Message[]; add_generation_prompt: boolean; text: string; ids: number[] }[]
}

for (const name of readdirSync(fixtures).filter((entry) => !entry.includes('.'))) {
  const { pairs, chats } = JSON.parse(readFileSync(join(fixtures, name, 'more.json'), 'utf8')) as More
  test(`${name}: pairs of texts and ${chats.length} chats`, async () => {
    const tokenizer = await loadTokenizer(join(fixtures, name))
    assert.deepEqual(
      await tokenizer.encodePairs(pairs),
      pairs.map(({ ids_with_special: ids, type_ids: types }) => ({
        ids,
        types: name.startsWith('bert') ? types : types.map(() => 0),
      })),
    )
    if (chats.length === 0) return
    const chat = await loadChat(join(fixtures, name))
    for (const { messages, add_generation_prompt: answer, text, ids } of chats) {
      assert.equal(chat(messages, { answer }), text)
      assert.deepEqual(await tokenizer.encode([text]), [ids], 'special tokens are in the text')
    }
  })
}

const folder = mkdtempSync(join(tmpdir(), 'chat-'))
after(() => rmSync(folder, { recursive: true }))
const refused = (pattern: RegExp) => (error: unknown) => error instanceof UserError && pattern.test(error.message)

test('a template of its own file is taken first; none, a broken one and one that refuses are said', async () => {
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"eos_token": {"content": "</s>"}}')
  await assert.rejects(loadChat(folder), refused(/no chat template/))
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    '{"chat_template": [{"name": "default", "template": "{{ messages[0].content }}"}]}',
  )
  assert.equal((await loadChat(folder))([{ role: 'user', content: 'hi' }]), 'hi')
  writeFileSync(
    join(folder, 'chat_template.jinja'),
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}ok",
  )
  const chat = await loadChat(folder)
  assert.equal(chat([{ role: 'user', content: 'hi' }]), 'ok')
  assert.throws(() => chat([{ role: 'system', content: 'hi' }]), refused(/refuses these messages: no system/))
  // As transformers 5.18.0 has it.
  mkdirSync(join(folder, 'additional_chat_templates'))
  writeFileSync(join(folder, 'additional_chat_templates', 'default.jinja'), 'default of several')
  assert.equal((await loadChat(folder))([]), 'default of several')
  rmSync(join(folder, 'additional_chat_templates'), { recursive: true })
  writeFileSync(join(folder, 'chat_template.jinja'), '{% if %}')
  await assert.rejects(loadChat(folder), refused(/the chat template is not jinja/))
})

// AutoTokenizer of transformers 5.18.0 and 5.24.0; chat_template.json is what AutoProcessor takes.
test('templates by name, and that of a processor', async () => {
  const said = async (files: Record<string, object>) => {
    const home = mkdtempSync(join(folder, 'named-'))
    for (const [name, value] of Object.entries(files)) writeFileSync(join(home, name), JSON.stringify(value))
    return (await loadChat(home))([])
  }
  const two = { default: 'D', tool_use: 'T' }
  assert.equal(await said({ 'tokenizer_config.json': { chat_template: two } }), 'D')
  await assert.rejects(
    said({ 'tokenizer_config.json': { chat_template: [{ name: 'tool_use', template: 'T' }] } }),
    refused(/has the chat templates tool_use, and none is named default$/),
  )
  assert.equal(await said({ 'chat_template.json': { chat_template: 'P' } }), 'P')
  assert.equal(
    await said({ 'tokenizer_config.json': { chat_template: 'C' }, 'chat_template.json': { chat_template: 'P' } }),
    'C',
  )
})
