// Makes the parts of a binding: two of C++, and the JavaScript of tfjs-node in one file.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { UserError } from '../errors/index.js'
import { track } from '../progress/index.js'
import { FILES, NODE_API } from '../tensor/index.js'
import { needTool, runTool } from '../tool/index.js'
import type { TensorFlow } from './tensorflow.js'

export interface Parts {
  /** The package tfjs-node. */
  sources: string
  /** The folder of node_api.h. */
  headers: string
  tensorflow: TensorFlow
}

/** @param asked the variable CXX, which names a compiler @throws UserError where there is no compiler for C++ */
export async function findCompiler(asked: string | undefined): Promise<string[]> {
  const words = asked?.trim() ? [asked.trim().split(/\s+/)] : [['c++'], ['g++'], ['clang++']]
  for (const each of words) if ((await runTool([...each, '--version']))?.code === 0) return each
  throw new UserError(
    `there is no C++ compiler (${asked?.trim() ? `CXX is ${asked}` : 'c++, g++ and clang++ were looked for'}); install one: on Debian and Ubuntu \`apt-get install g++\`, on Fedora \`dnf install gcc-c++\``,
  )
}

/** Writes the three parts into a folder. */
export async function compileBinding(
  compiler: string[],
  { sources, headers, tensorflow }: Parts,
  folder: string,
): Promise<void> {
  const [host, addon, backend] = FILES.map((name) => join(folder, name))
  // It stays in memory until the process ends: threads of TensorFlow run its code longer than a thread of JavaScript lives.
  const common = [
    '-O2',
    '-fPIC',
    '-shared',
    '-std=c++17',
    `-DNAPI_VERSION=${NODE_API}`,
    '-w',
    '-Wl,-z,nodelete',
    `-I${headers}`,
  ]
  const compile = (files: string[], words: string[], out: string) =>
    needTool('the binding does not compile', [...compiler, ...common, ...files, ...words, '-o', out])
  const cc = (name: string) => join(sources, 'binding', name)
  const [hostSource, sessions] = [new URL('./host.cc', import.meta.url), new URL('./sessions.cc', import.meta.url)].map(
    (url) => fileURLToPath(url),
  ) as [string, string]
  await track({ name: 'compile', unit: 'files', total: 4 }, async (work) => {
    await work.part(1, () => compile([hostSource], ['-ldl'], host!).then(() => undefined))
    const words = [
      '-DTF_NewSessionOptions=PlainSessionOptions',
      `-I${sources}`,
      `-I${tensorflow.include}`,
      ...tensorflow.libraries,
    ]
    await work.part(2, () =>
      compile([cc('tfjs_backend.cc'), cc('tfjs_binding.cc'), sessions], words, addon!).then(() => undefined),
    )
    await work.part(1, () => bundleBackend(sources, backend!))
  })
}

/** What writes to TensorBoard and reads saved models needs protocol buffers; the backend does without. */
const withoutProtobuf: Plugin = {
  name: 'without protocol buffers',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]proto[\\/]api_pb\.js$/ }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** The kernels and the backend of tfjs-node as one file of CommonJS, which needs `@tensorflow/tfjs`. @param sources the package */
export async function bundleBackend(sources: string, outfile: string): Promise<void> {
  const { build } = await import('esbuild')
  const contents = `require('./dist/register_all_kernels'); module.exports = require('./dist/nodejs_kernel_backend')`
  await build({
    stdin: { contents, resolveDir: sources },
    absWorkingDir: sources, // Its comments name files from here on.
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    external: ['@tensorflow/*'],
    plugins: [withoutProtobuf],
    legalComments: 'inline',
    logLevel: 'silent',
  })
}
