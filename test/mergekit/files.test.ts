// Merge files with `arithmetic: stored`: what mergekit wrote of the same file and seed, bit for bit (test/fixtures/stored).
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCheckpoint } from '../../src/checkpoint/index.js'
import { merge, scratch, yaml } from '../merge/fixtures.js'

interface Written {
  name: string
  text: string
  tensors: Record<string, [dtype: string, sha256: string]>
}

const files = JSON.parse(readFileSync('test/fixtures/stored/files.json', 'utf8')) as Written[]

for (const { name, text, tensors } of files) {
  test(name, async () => {
    const out = join(scratch, name.replaceAll(/\W+/g, '-'))
    await merge(yaml(`${text}arithmetic: stored\n`), out, { seed: 7 })
    const checkpoint = await openCheckpoint(out)
    assert.deepEqual([...checkpoint.tensors.keys()].sort(), Object.keys(tensors))
    for (const [tensor, wanted] of Object.entries(tensors)) {
      const bytes = await checkpoint.readBytes(tensor)
      const found = [checkpoint.tensors.get(tensor)!.dtype, createHash('sha256').update(bytes).digest('hex')]
      assert.deepEqual(found, wanted, tensor)
    }
    await checkpoint.close()
  })
}
