// The page of a sweep that runs: it is written when there are rows, not again without new ones, and a last time at the end.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { keepPage } from '../../src/cli/live-page.js'
import { readLive } from '../../src/record/index.js'
import { temporary } from '../checkpoint/files.js'
import { writePageResults } from '../page/results.js'

test('a page follows its sweep, of a folder and of its shards', async () => {
  const root = temporary()
  const [results, file] = [join(root, 'results'), join(root, 'page.html')]
  const keep = await keepPage(results, file)
  const refreshOf = () => {
    const [, data] = /id="data">([^<]*)</.exec(readFileSync(file, 'utf8'))!
    const { refresh, experiments } = JSON.parse(gunzipSync(Buffer.from(data!, 'base64')).toString())
    return { refresh, rows: experiments[0].rows.count }
  }
  await writePageResults(join(results, 'shards', '1-of-2'))
  const live = readLive(results)
  assert.equal(await keep({ ...live, done: 0, finished: false }), false)
  assert.equal(existsSync(file), false)
  assert.equal(await keep({ ...live, finished: false }), true)
  assert.deepEqual(refreshOf(), { refresh: 10, rows: 25 })
  assert.equal(await keep({ ...live, finished: false }), false)
  assert.equal(await keep({ ...live, done: 26, finished: false }), false, 'too soon')
  assert.equal(await keep({ ...live, finished: true }), true)
  assert.deepEqual(refreshOf(), { refresh: null, rows: 25 })
})
