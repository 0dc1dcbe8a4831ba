// The webgpu backend of TensorFlow.js on Node, through the Dawn build of the package `webgpu`. Both packages are optional.
import { createRequire } from 'node:module'
import { UserError } from '../errors/index.js'
import { tf } from './tf.js'

const PACKAGES = ['@tensorflow/tfjs-backend-webgpu', 'webgpu'] as const
const require = createRequire(import.meta.url)

interface Gpu {
  requestAdapter(options: object): Promise<Adapter | null>
}
interface Adapter {
  limits: Record<string, number>
  info: { device: string; description: string }
  requestDevice(descriptor: object): Promise<EventTarget>
}
interface Dawn {
  create(options: string[]): Gpu
  globals: object
}
interface Webgpu {
  WebGPUBackend: new (device: EventTarget, info: object) => tf.KernelBackend
}

/** Of the limits that the backend asks for, all that the adapter has. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
]

/**
 * Starts the backend on the first adapter. A refused command, such as a tensor beyond the adapter's binding size, ends the process:
 * otherwise the backend would continue with stale values.
 * @returns the packages with their versions, and the adapter
 * @throws UserError when a package is missing or there is no adapter
 */
export async function startWebgpu(): Promise<string> {
  const [, dawnName] = PACKAGES
  const dawn = (await import(dawnName).catch(missing)) as Dawn
  Object.assign(globalThis, dawn.globals)
  const gpu = dawn.create([])
  Object.defineProperty(globalThis, 'navigator', { value: { ...globalThis.navigator, gpu }, configurable: true })
  const { WebGPUBackend } = load()
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter)
    throw new UserError(
      'backend webgpu: there is no GPU adapter (on Linux: libvulkan1 and a Vulkan driver); use --backend wasm',
    )
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]))
  const device = await adapter.requestDevice({ requiredLimits })
  device.addEventListener('uncapturederror', (event) => {
    throw new UserError(`backend webgpu: ${(event as Event & { error: Error }).error.message.split('\n')[0]}`)
  })
  tf.removeBackend('webgpu') // the package's own, which hides what the adapter refuses
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
  await tf.setBackend('webgpu')
  const versions = PACKAGES.map((name) => `${name} ${require(`${name}/package.json`).version}`)
  return `${versions.join(', ')} on ${adapter.info.description || adapter.info.device}`
}

function load(): Webgpu {
  try {
    return require(PACKAGES[0])
  } catch (error) {
    return missing(error)
  }
}

function missing(cause: unknown): never {
  const reason = (cause as Error).message.split('\n')[0]!.replace(/ imported from .*/, '')
  throw new UserError(
    `backend webgpu cannot be loaded: ${reason}; npm install ${PACKAGES.join(' ')}, or use --backend wasm`,
    { cause },
  )
}
