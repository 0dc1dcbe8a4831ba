// The machines on which a binding can be built.
import { UserError } from '../errors/index.js'

/** What decides it. */
export interface Platform {
  platform: string
  arch: string
  /** Version of the GNU C library; null for another one. */
  glibc: string | null
}

export function readPlatform(): Platform {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean }
  report.excludeNetwork = true // Otherwise the names of all its peers are looked up.
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return { platform: process.platform, arch: process.arch, glibc: header.glibcVersionRuntime ?? null }
}

const SYSTEMS: Record<string, string> = { darwin: 'macOS', win32: 'Windows', freebsd: 'FreeBSD' }

/** @throws UserError that names what there is no TensorFlow for */
export function checkPlatform({ platform, arch, glibc }: Platform): void {
  const supported = 'Linux with the GNU C library on x64 and arm64 is supported; elsewhere --backend wasm or webgpu'
  if (platform !== 'linux')
    throw new UserError(`native TensorFlow is not built on ${SYSTEMS[platform] ?? platform}: ${supported}`)
  if (arch !== 'x64' && arch !== 'arm64')
    throw new UserError(`native TensorFlow is not built on ${arch} processors: ${supported}`)
  if (glibc === null)
    throw new UserError(
      `native TensorFlow is not built on systems with musl, such as Alpine: TensorFlow's wheels need the GNU C library; ${supported}`,
    )
}
