// What an edited checkpoint says about itself: the model card and the strings in its weight files.
import { basename, resolve } from 'node:path'
import {
  CONTENT_NAME,
  checkpointName,
  contentsOf,
  type Description,
  type NameContent,
  type Pair,
  sourcesOf,
  writeCard,
} from '../checkpoint/index.js'
import { fingerprintOf, packageVersion } from '../files/index.js'
import type { EditCheckpointOptions } from './options.js'

/** What computes, and the plugins that the editors come from. */
interface EditTools {
  backend: string
  plugins?: readonly { name: string; sha256: string }[]
}

function settingsOf(options: EditCheckpointOptions, { plugins }: EditTools): Record<string, unknown> {
  const { steps, seed, on, include = [], exclude = [], grams, dtype } = options
  return {
    on,
    editors: steps.map(({ editor, options }) => ({ editor: editor.name, ...options })),
    ...(steps.some(({ editor, options }) => editor.stochastic(options)) ? { seed } : {}),
    include: include.length ? include : ['*'],
    ...(exclude.length ? { exclude } : {}),
    ...(grams ? { data: basename(resolve(grams.folder)) } : {}),
    dtype: dtype ?? 'as in the post-trained model',
    ...(plugins && { plugins }),
  }
}

/** Of all that the written weights depend on. @param options `shardSize`: the largest weight file in GB */
export function fingerprintEdit(
  { base, post }: Pair,
  options: EditCheckpointOptions,
  { backend, shardSize, ...tools }: EditTools & { shardSize: number },
): Promise<string> {
  const settings = settingsOf(options, { backend, ...tools })
  const folders = [...sourcesOf(base), ...sourcesOf(post), options.grams?.folder]
  return fingerprintOf(
    { command: 'edit', ...settings, backend, shardSize },
    folders.flatMap((folder) => folder ?? []),
  )
}

/** @param tools `content`: names that of an input file */
export async function describeEdit(
  title: string,
  { base, post }: Pair,
  options: EditCheckpointOptions,
  { content, ...tools }: EditTools & { content: NameContent },
): Promise<Description> {
  const settings = settingsOf(options, tools)
  const inputs = await Promise.all(
    Object.entries({ base, post }).map(async ([role, checkpoint]) => ({
      role,
      name: checkpointName(checkpoint),
      contents: await contentsOf(checkpoint, content),
    })),
  )
  const software = { deltalab: packageVersion(), node: process.version, backend: tools.backend }
  const citations = [...new Set(options.steps.map(({ editor }) => editor.cite).filter(Boolean))]
  return {
    card: writeCard({ title, inputs, named: CONTENT_NAME, settings, software, citations }),
    metadata: {
      deltalab: software.deltalab,
      edit: JSON.stringify({ ...settings, inputs: inputs.map(({ role, contents }) => ({ role, contents })) }),
    },
  }
}
