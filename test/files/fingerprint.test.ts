// The fingerprint of a piece of work changes with every file of weights, in each format that is read.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fingerprintOf } from '../../src/files/index.js'

const folder = mkdtempSync(join(tmpdir(), 'deltalab-test-'))
after(() => rmSync(folder, { recursive: true }))

test('a file of weights or settings that is there, or becomes another, makes another fingerprint', async () => {
  const seen = new Set([await fingerprintOf({}, [folder])])
  for (const name of ['config.json', 'model.safetensors', 'pytorch_model.bin', 'adapter_model.bin', 'model.gguf'])
    for (const content of ['a', 'bc']) {
      writeFileSync(join(folder, name), content)
      const now = await fingerprintOf({}, [folder])
      assert.ok(!seen.has(now), `${name} ${content}`)
      seen.add(now)
    }
  writeFileSync(join(folder, 'notes.txt'), 'not read')
  assert.ok(seen.has(await fingerprintOf({}, [folder])))
})
