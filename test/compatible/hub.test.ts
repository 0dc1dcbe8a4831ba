// Names, tokens, revisions and the cache of the hub as Hugging Face's own tools have them; on a hub in this process.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../src/errors/index.js'
import { readSettings, resolveModel } from '../../src/hub/index.js'
import { checkClass } from '../../src/models/index.js'
import { type Loopback, startHub } from '../hub/loopback.js'
import { compatible } from './row.js'

const LIKE = 'huggingface_hub 2.4.0'
const model = { 'config.json': '{"model_type":"bloom"}', 'model.safetensors': 'x' }

/** Runs with a hub, and an HF_HOME in `root`. */
async function withHub(work: (hub: Loopback, root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'home-'))
  const hub = await startHub({ 'models/gpt2': model, 'models/org/name': model })
  try {
    await work(hub, root)
  } finally {
    await hub.close()
    rmSync(root, { recursive: true })
  }
}
const settingsOf = (hub: Loopback, root: string, more = {}) =>
  readSettings({ HF_ENDPOINT: hub.endpoint, HF_HOME: root, ...more })

compatible(
  {
    what: 'names without organisation (gpt2), revisions (name@main, @v1.0, @refs/pr/1, a commit), HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE',
    outcome: 'read',
    like: LIKE,
    note: 'A folder of that name comes first; with @revision it is always the hub. The cache is shared with other tools.',
  },
  () =>
    withHub(async (hub, root) => {
      const place = join(root, 'hub', 'models--gpt2', 'snapshots', 'c'.repeat(40))
      assert.equal(await resolveModel('gpt2', { root, settings: settingsOf(hub, root) }), place)
      const offline = settingsOf(hub, root, { TRANSFORMERS_OFFLINE: '1' })
      assert.equal(await resolveModel('gpt2@main', { root, settings: offline }), place)
      mkdirSync(join(root, 'gpt2'))
      assert.equal(await resolveModel('gpt2', { root, settings: offline }), join(root, 'gpt2'))
    }),
)

compatible(
  {
    what: 'the token that `hf auth login` stored, HF_TOKEN_PATH, HF_TOKEN, HUGGING_FACE_HUB_TOKEN',
    outcome: 'read',
    like: LIKE,
    note: 'It is sent to HF_ENDPOINT and nowhere else. A login that has run out is not renewed here.',
  },
  () =>
    withHub(async (hub, root) => {
      writeFileSync(join(root, 'token'), 'hf_stored\n')
      await resolveModel('org/name', { root, settings: settingsOf(hub, root) })
      assert.deepEqual([...new Set(hub.tokens)], ['Bearer hf_stored'])
    }),
)

compatible(
  {
    what: 'a model of the hub that cannot be run, for a command that runs it',
    outcome: 'refused',
    like: 'config.json is looked at before the weights are downloaded; inspect, edit, merge and extract work',
  },
  () =>
    withHub(async (hub, root) => {
      await assert.rejects(
        resolveModel('org/name', { root, settings: settingsOf(hub, root), check: checkClass }),
        (error) => error instanceof UserError && /^org\/name: model_type "bloom".* cannot be run/.test(error.message),
      )
      assert.ok(!hub.requests.some((request) => request.includes('model.safetensors')))
    }),
)
