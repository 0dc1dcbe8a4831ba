// The binding to TensorFlow's own library: where it is found, what it is made of, and what is said where something is missing.
// Compilers, Pythons and wheels are fakes in temporary folders; .ci/run installs a real one.
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os, { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { bundleBackend } from '../../src/native/compile.js'
import {
  checkPlatform,
  cudaIn,
  findHeaders,
  findInPython,
  installBinding,
  prospectOf,
  pythonsOf,
  readPlatform,
  readTensorflow,
} from '../../src/native/index.js'
import {
  bindingName,
  bindingsFolder,
  findBindings,
  gpuName,
  REVISION,
  realWarnings,
  setBackend,
} from '../../src/tensor/index.js'
import { reasonIn } from '../../src/tool/index.js'
import { call } from '../cli/call.js'

const folder = mkdtempSync(join(tmpdir(), 'native-'))
after(() => rmSync(folder, { recursive: true }))

/** Writes a file, with the folders above it. */
function write(path: string, text = '', mode = 0o644): string {
  const place = join(folder, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, text)
  chmodSync(place, mode)
  return place
}

const script = (path: string, body: string) => write(path, `#!/bin/sh\n${body}\n`, 0o755)

/** A wheel's package: libraries that cannot be loaded, and a header. */
function fakeWheel(path: string): string {
  for (const name of ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2', 'include/tensorflow/c/eager/c_api.h'])
    write(`${path}/${name}`)
  return join(folder, path)
}

/** A binding in a cache, as far as its files are there. */
function fakeBinding(cache: string, version: string, made: string, libraries: string[] = []): string {
  const place = join(cache, 'deltalab/native', bindingName(version))
  for (const name of ['host.node', 'tfjs_binding.node', 'backend.cjs']) write(join(place, name).slice(folder.length))
  const sizes = Array<number>(libraries.length + 3).fill(0)
  const facts = {
    revision: REVISION,
    tensorflow: version,
    downloaded: false,
    libraries,
    cuda: [],
    sizes,
    gpu: null,
    made,
  }
  writeFileSync(join(place, 'binding.json'), JSON.stringify(facts))
  return place
}

const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' }

test('bindings stand in the cache folder of the user, by the rules of XDG', () => {
  assert.equal(bindingsFolder({ XDG_CACHE_HOME: '/c' }), '/c/deltalab/native')
  for (const XDG_CACHE_HOME of ['', 'relative/cache'])
    assert.equal(bindingsFolder({ XDG_CACHE_HOME }), join(os.homedir(), '.cache/deltalab/native'))
  assert.equal(bindingName('2.21.0'), `tensorflow-2.21.0-${process.platform}-${process.arch}-napi8`)
})

test('the newest usable binding of this platform comes first; one that lost its TensorFlow says so', () => {
  const cache = join(folder, 'several')
  const library = write('several/libtensorflow_cc.so.2')
  fakeBinding(cache, '2.18.0', '2026-01-01', [library])
  fakeBinding(cache, '2.20.0', '2026-02-02', [library])
  fakeBinding(cache, '2.21.0', '2026-03-03', [join(folder, 'gone.so')])
  write('several/deltalab/native/tensorflow-2.21.0-plan9-mips-napi8/binding.json', '{}')
  for (const [version, text] of Object.entries({ '2.9.0': '{', '2.10.0': '{}', '2.11.0': 'null' }))
    write(`several/deltalab/native/${bindingName(version)}/binding.json`, text)
  const cut = join(fakeBinding(cache, '2.19.0', '2026-02-01', [library]), 'tfjs_binding.node')
  writeFileSync(cut, 'more')
  const older = join(fakeBinding(cache, '2.17.0', '2026-01-31', [library]), 'binding.json')
  writeFileSync(older, readFileSync(older, 'utf8').replace(`"revision":${REVISION},`, ''))
  const found = findBindings(bindingsFolder({ XDG_CACHE_HOME: cache }))
  assert.deepEqual(
    found.map(({ tensorflow, fault }) => [tensorflow, fault?.replace(/: .*/, '')]),
    [
      ['2.20.0', undefined],
      ['2.18.0', undefined],
      ['2.21.0', `${join(folder, 'gone.so')} is there no more`],
      ['2.19.0', `${cut} is not what it was (4 bytes, 0 when the binding was made)`],
      ['2.17.0', 'the binding is of another version of deltalab'],
      ['?', 'its binding.json lacks what this version of deltalab writes'],
      ['?', 'its binding.json lacks what this version of deltalab writes'],
      ['?', 'its binding.json cannot be read'],
    ],
  )
  assert.deepEqual(findBindings(join(folder, 'nowhere')), [])
})

test('native status and remove', async () => {
  const cache = join(folder, 'one')
  const place = fakeBinding(cache, '2.21.0', '2026-03-03')
  const env = { XDG_CACHE_HOME: cache }
  const native = async (...words: string[]) => call(['native', ...words], { env })
  const { stdout } = await native('status')
  assert.match(stdout, new RegExp(`^binding +${place}\nstate +used by --backend auto\ntensorflow +2\\.21\\.0 `))
  assert.equal(JSON.parse((await native('status', '--json')).stdout).bindings[0].tensorflow, '2.21.0')
  assert.equal((await native('remove')).stdout, `${place}: removed\n`)
  assert.deepEqual(readdirSync(dirname(place)), [])
  assert.equal((await native('remove')).stdout, `nothing is installed in ${dirname(place)}\n`)
  assert.match(
    (await native('status')).stdout,
    /^no binding to TensorFlow is installed; deltalab native install does it\n$/,
  )
  assert.deepEqual(await native('remove', '--download'), {
    status: 2,
    stdout: '',
    stderr: 'deltalab: --download belongs to install, not to remove\n',
  })
  assert.equal((await native('build')).status, 2)
})

test('a binding that does not load is an error for --backend tensorflow, and a warning for auto', async () => {
  const cache = join(folder, 'broken')
  const place = fakeBinding(cache, '2.21.0', '2026-03-03')
  const earlier = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = cache
  try {
    await assert.rejects(setBackend('tensorflow'), {
      message: /^backend tensorflow: .*host\.node: .*; or use --backend wasm$/,
    })
    rmSync(join(place, 'host.node'))
    const fault = `${join(place, 'host.node')} is there no more; deltalab native install makes the binding again`
    await assert.rejects(setBackend('tensorflow'), { message: `backend tensorflow: ${fault}; or use --backend wasm` })
    const doctor = await call(['doctor', '--json'], { env: { DELTALAB_BACKEND: '', PATH: folder } })
    assert.equal(doctor.stderr, `warning: backend tensorflow does not start: ${fault}; wasm computes\n`)
    const { backend, native } = JSON.parse(doctor.stdout) as Record<string, string>
    assert.deepEqual([backend, native], ['wasm', `${join(place, 'host.node')} is there no more`])
  } finally {
    if (earlier === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = earlier
  }
})

test('a TensorFlow is a wheel, an environment or a C library; what lacks a part is refused', () => {
  const wheel = fakeWheel('env/lib/python3.11/site-packages/tensorflow')
  write('env/lib/python3.11/site-packages/nvidia/cuda_runtime/lib/libcudart.so.12')
  for (const given of [wheel, dirname(wheel), join(folder, 'env')]) {
    const { folder: found, include, libraries, cuda } = readTensorflow(given)
    assert.deepEqual([found, include], [wheel, join(wheel, 'include')])
    assert.deepEqual(
      libraries,
      ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'].map((name) => join(wheel, name)),
    )
    assert.deepEqual(cuda, [join(dirname(wheel), 'nvidia/cuda_runtime/lib/libcudart.so.12')])
  }
  for (const name of [
    'lib/libtensorflow_framework.so.2',
    'lib/libtensorflow.so.2',
    'include/tensorflow/c/eager/c_api.h',
  ])
    write(`c/${name}`)
  assert.deepEqual(readTensorflow(join(folder, 'c')).libraries.at(-1), join(folder, 'c/lib/libtensorflow.so.2'))
  rmSync(join(folder, 'c/include'), { recursive: true })
  assert.throws(() => readTensorflow(join(folder, 'c')), {
    message: /: its headers are missing \(include\/tensorflow\/c\/eager\/c_api\.h\)/,
  })
  assert.throws(() => readTensorflow(folder), {
    message: /: has no TensorFlow with a C interface \(libtensorflow_cc\.so\.2 or /,
  })
})

test("NVIDIA's libraries are loaded after those that they need, each once, wherever pip put them", () => {
  const names = [
    'cudnn/lib/libcudnn.so.9',
    'cudnn/lib/libcudnn_graph.so.9',
    'cusolver/lib/libcusolver.so.11',
    'cublas/lib/libcublas.so.12',
  ]
  for (const name of [...names, 'cublas/lib/libcublasLt.so.12', 'cu13/lib/libcudart.so.13', 'cublas/include/cublas.h'])
    write(`site/nvidia/${name}`)
  write('user/nvidia/cublas/lib/libcublas.so.12')
  write('user/nvidia/cuda_runtime/lib/libcudart.so.12')
  const found = cudaIn([join(folder, 'site/nvidia'), join(folder, 'user/nvidia'), join(folder, 'absent')])
  assert.deepEqual(
    found.map((path) => path.slice(folder.length + 1)),
    [
      'site/nvidia/cu13/lib/libcudart.so.13',
      'user/nvidia/cuda_runtime/lib/libcudart.so.12',
      'site/nvidia/cublas/lib/libcublasLt.so.12',
      'site/nvidia/cublas/lib/libcublas.so.12',
      'site/nvidia/cusolver/lib/libcusolver.so.11',
      'site/nvidia/cudnn/lib/libcudnn.so.9',
    ],
  )
})

test('the active environment is asked before the Python of the path', async () => {
  assert.deepEqual(pythonsOf({ VIRTUAL_ENV: '/v', CONDA_PREFIX: '' }), ['/v/bin/python', 'python3', 'python'])
  const wheel = fakeWheel('python/tensorflow')
  const without = script('bin/without', `echo '{"tensorflow": [], "nvidia": []}'`)
  const broken = script('bin/broken', 'exit 1')
  const having = script(
    'bin/having',
    `echo '${JSON.stringify({ tensorflow: [wheel], nvidia: [join(folder, 'user/nvidia')] })}'`,
  )
  const found = await findInPython([join(folder, 'bin/absent'), broken, without, having])
  assert.deepEqual([found?.folder, found?.cuda.length], [wheel, 2])
  assert.equal(await findInPython([without]), null)
})

test('the headers are those of this Node, else those that node-gyp keeps', async () => {
  const node = write('node/bin/node')
  const kept = dirname(write('gyp/20.1.0/include/node/node_api.h'))
  assert.equal(await findHeaders(folder, node, [kept]), kept)
  const own = dirname(write('node/include/node/node_api.h'))
  assert.equal(await findHeaders(folder, node, [kept]), own)
})

test('platforms without a TensorFlow to compile against are refused by name', () => {
  checkPlatform(linux)
  checkPlatform({ ...linux, arch: 'arm64' })
  const refusals: [object, RegExp][] = [
    [{ platform: 'darwin' }, /not built on macOS: Linux with the GNU C library on x64 and arm64 is supported/],
    [{ platform: 'win32' }, /not built on Windows/],
    [{ arch: 'riscv64' }, /not built on riscv64 processors/],
    [{ glibc: null }, /not built on systems with musl, such as Alpine/],
  ]
  for (const [difference, message] of refusals)
    assert.throws(() => checkPlatform({ ...linux, ...difference }), { message })
  assert.equal(readPlatform().platform, process.platform)
})

test('an installation that lacks something says what in one line, and leaves nothing', async () => {
  const cache = join(folder, 'empty')
  const fails = script(
    'bin/fails',
    `[ "$1" = --version ] || { echo 'x.cc:1:10: fatal error: node_api.h: No such file' >&2; exit 1; }`,
  )
  const compiles = script('bin/compiles', 'for last; do :; done; [ "$1" = --version ] || echo nothing > "$last"')
  const package_ = 'project/node_modules/@tensorflow/tfjs-node'
  write(`${package_}/package.json`, '{"name": "@tensorflow/tfjs-node", "version": "4.22.0"}')
  for (const name of ['binding/tfjs_binding.cc', 'dist/register_all_kernels.js']) write(`${package_}/${name}`)
  write(
    `${package_}/dist/nodejs_kernel_backend.js`,
    "require('./proto/api_pb'); exports.NodeJSKernelBackend = class {}",
  )
  write(`${package_}/dist/proto/api_pb.js`, "require('google-protobuf')")
  const tensorflow = fakeWheel('wheel/tensorflow')
  const python = join(folder, 'bin/without')
  const bare = script('bin/bare', '[ "$1" = --version ]')
  const offline = script(
    'bin/offline',
    `case "$*" in
       *install*) printf 'WARNING: Retrying\\nERROR: Could not find a version\\nERROR: No matching distribution found\\n' >&2; exit 1;;
       *pip*) ;;
       *) echo '{"tensorflow": [], "nvidia": []}';;
     esac`,
  )
  const [before, own] = [process.cwd(), process.env.XDG_CACHE_HOME]
  process.chdir(join(folder, 'project'))
  const install = (options: object, CXX: string, platform = linux) =>
    installBinding({ environment: { XDG_CACHE_HOME: cache, CXX }, platform, ...options })
  try {
    const cases: [() => Promise<unknown>, RegExp][] = [
      [
        () => install({ tensorflow }, '/no/such/c++'),
        /^there is no C\+\+ compiler \(CXX is \/no\/such\/c\+\+\); install one/,
      ],
      [() => install({ tensorflow: folder }, compiles), /: has no TensorFlow with a C interface/],
      [() => install({ tensorflow: '/no/such' }, compiles), /^\/no\/such: no such folder$/],
      [
        () => install({ python: '/no/such/python', download: true }, compiles),
        /^--download needs a Python with pip, and there is no Python \(\/no\/such\/python was looked for\)$/,
      ],
      [
        () => install({ python }, compiles),
        /^no TensorFlow is in the packages of \S+without: give --download, or `pip install tensorflow-cpu`/,
      ],
      [
        () => install({ python: '/no/such/python' }, compiles),
        /^there is no Python \(\/no\/such\/python was looked for\): install one, or give --tensorflow DIR$/,
      ],
      [
        () => install({ python: offline, download: true }, compiles),
        /^pip cannot fetch tensorflow(-cpu)?: ERROR: Could not find a version$/,
      ],
      [
        () => install({ python: bare, download: true }, compiles),
        /^--download needs pip, and none of \S+bare has it; install it/,
      ],
      [
        () => install({ tensorflow }, fails),
        /^the binding does not compile: x\.cc:1:10: fatal error: node_api\.h: No such file$/,
      ],
      [
        () => install({ tensorflow }, compiles),
        /^TensorFlow was compiled against, and does not start: Error: .*host\.node: file too short$/,
      ],
      [() => install({ tensorflow }, compiles, { ...linux, platform: 'darwin' }), /not built on macOS/],
    ]
    for (const [attempt, message] of cases) await assert.rejects(attempt, { name: 'UserError', message })
  } finally {
    process.chdir(before)
  }
  assert.equal(process.env.XDG_CACHE_HOME, own)
  assert.deepEqual(existsSync(join(cache, 'deltalab/native')) ? readdirSync(join(cache, 'deltalab/native')) : [], [])
})

test('the bundled backend names its sources from their package on, not from the folder they were fetched to', async () => {
  write('fetched/dist/register_all_kernels.js', "require('./kernels/Abs')")
  write('fetched/dist/kernels/Abs.js', 'exports.name = 1')
  write('fetched/dist/nodejs_kernel_backend.js', 'exports.NodeJSKernelBackend = class {}')
  const file = join(folder, 'backend.cjs')
  await bundleBackend(join(folder, 'fetched'), file)
  const named = [...readFileSync(file, 'utf8').matchAll(/^\/\/ (.*\.js)$/gm)].map(([, path]) => path)
  assert.deepEqual(named, ['dist/kernels/Abs.js', 'dist/register_all_kernels.js', 'dist/nodejs_kernel_backend.js'])
})

test('of what a failed tool prints, the line with the reason', () => {
  const npm = [
    'code ENOTFOUND',
    'syscall getaddrinfo',
    'errno ENOTFOUND',
    'network request to http://x/ failed, reason: y',
    'network This is a problem',
  ]
  const printed = npm.map((line) => `npm error ${line}\n`).join('')
  assert.equal(reasonIn(printed), 'npm error network request to http://x/ failed, reason: y')
  assert.equal(
    reasonIn('a\nF0000 00:00:1.2 3 cpu_feature_guard.cc:1] needs AVX\n'),
    'F0000 00:00:1.2 3 cpu_feature_guard.cc:1] needs AVX',
  )
  assert.equal(reasonIn('first\nlast\n'), 'last')
  assert.equal(reasonIn('\n'), null)
})

test('banners of TensorFlow are dropped, warnings and what others say stay', () => {
  const warning =
    'W0000 00:00:1795983168.0   14452 gpu_device.cc:2344] Cannot dlopen some GPU libraries.\nSkipping registering GPU devices...\n'
  const older = '2024-05-01 10:00:00.123456: E external/local_xla/x.cc:9261] failed call to cuInit: INVALID\n'
  const said = [
    'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n',
    'I0000 00:00:1795983168.008787   14452 port.cc:153] oneDNN custom operations are on.\n',
    'I0000 00:00:1795983168.166298   14452 cpu_feature_guard.cc:227] This TensorFlow binary is optimized\n',
    'To enable the following instructions: AVX2, rebuild TensorFlow\n',
    warning,
    '2024-05-01 10:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:182] This TensorFlow binary is optimized\n',
    older,
    'E0000 00:00:1795983168.2   14452 cuda_dnn.cc:8454] Unable to register cuDNN factory: one has already been registered\n',
    'E0000 00:00:1795983168.3   14452 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)\n',
  ]
  assert.equal(realWarnings(said.join('')), warning + older)
  assert.equal(realWarnings('a line of another\nwithout an end'), 'a line of another\nwithout an end')
})

test("a graphics card has the name that NVIDIA's driver gives it, where that is one", () => {
  write('proc/0000:01:00.0/information', 'Model: \t\t NVIDIA H200\nIRQ:   \t\t 1\n')
  assert.equal(gpuName(join(folder, 'proc')), 'NVIDIA H200')
  write('proc/0000:02:00.0/information', 'Model: \t\t NVIDIA T4\n')
  assert.equal(gpuName(join(folder, 'proc')), null)
  assert.equal(gpuName(join(folder, 'absent')), null)
})

test('doctor says what stands between this machine and the fastest backend', async () => {
  const environment = { VIRTUAL_ENV: join(folder, 'venv'), CXX: join(folder, 'bin/compiles') }
  script('venv/bin/python', `exec ${join(folder, 'bin/having')}`)
  const wasm = { name: 'wasm', package: 'x' }
  const advice = async (found: Parameters<typeof prospectOf>[0], machine: object) =>
    (await prospectOf(found, { platform: linux, environment, nvidia: false, ...machine })).advice
  const earlier = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = join(folder, 'empty')
  try {
    assert.match(
      (await advice(wasm, {})).join(),
      /^`deltalab native install` makes TensorFlow's own library the backend/,
    )
    const bare = { VIRTUAL_ENV: join(folder, 'nowhere'), CXX: '/no/such/c++' }
    const [first, second] = await advice(wasm, { environment: bare })
    assert.match(first!, /^First: there is no C\+\+ compiler/)
    assert.match(second!, /^`deltalab native install( --download)?`/)
    assert.match((await advice(wasm, { nvidia: true })).join(), /tensorflow\[and-cuda\]/)
    assert.match((await advice(wasm, { platform: { ...linux, glibc: null } })).join(), /musl/)
    const native = { name: 'tensorflow', package: 'x', gpu: null }
    assert.deepEqual(await advice(native, {}), [])
    assert.match((await advice(native, { nvidia: true })).join(), /^TensorFlow does not use the graphics card/)
    assert.deepEqual(await advice({ ...native, gpu: 'NVIDIA H200' }, { nvidia: true }), [])
  } finally {
    if (earlier === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = earlier
  }
})
