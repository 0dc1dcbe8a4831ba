// The laws of editors: neutral options change nothing, shapes are kept, block by block equals whole, and so on.
import { test } from 'node:test'
import { checkEditor, loadPlugin } from 'deltalab'

test('clip keeps the laws of editors', async () => {
  const { editors } = await loadPlugin('my-editor.ts')
  for (const editor of editors) await checkEditor(editor)
})
