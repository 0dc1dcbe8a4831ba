// What an edited checkpoint says about itself: the model card and the strings in its weight files.
import { basename, resolve } from 'node:path'
import { type Description, type HashFile, type Pair, writeCard } from '../checkpoint/index.js'
import { packageVersion } from '../files/index.js'
import type { EditCheckpointOptions } from './options.js'

/** `backend`: what computes; `plugins`: those that the editors come from; `hash`: finds the SHA-256 of an input file. */
export async function describeEdit(
  title: string,
  { base, post }: Pair,
  options: EditCheckpointOptions,
  {
    backend,
    plugins,
    hash,
  }: { backend: string; plugins?: readonly { name: string; sha256: string }[]; hash?: HashFile },
): Promise<Description> {
  const { steps, seed, on, include = [], exclude = [], grams, dtype } = options
  const settings: Record<string, unknown> = {
    on,
    editors: steps.map(({ editor, options }) => ({ editor: editor.name, ...options })),
    ...(steps.some(({ editor, options }) => editor.stochastic(options)) ? { seed } : {}),
    include: include.length ? include : ['*'],
    ...(exclude.length ? { exclude } : {}),
    ...(grams ? { data: basename(resolve(grams.folder)) } : {}),
    dtype: dtype ?? 'as in the post-trained model',
    ...(plugins && { plugins }),
  }
  const inputs = []
  for (const [role, checkpoint] of [
    ['base', base],
    ['post', post],
  ] as const) {
    inputs.push({ role, name: basename(resolve(checkpoint.folder)), hashes: await checkpoint.hashes(hash) })
  }
  const software = { deltalab: packageVersion(), node: process.version, backend }
  const citations = [...new Set(steps.map(({ editor }) => editor.cite).filter(Boolean))]
  return {
    card: writeCard({ title, inputs, settings, software, citations }),
    metadata: {
      deltalab: software.deltalab,
      edit: JSON.stringify({ ...settings, inputs: inputs.map(({ role, hashes }) => ({ role, hashes })) }),
    },
  }
}
