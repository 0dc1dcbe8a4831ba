// A hub in this process: the routes that the hub package asks, over repositories given as texts. It can cut a file short.
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Loopback {
  endpoint: string
  /** `GET path [range]` of every request. */
  requests: string[]
  /** Path of a file → how many bytes are sent before the connection is cut, once each. */
  cuts: Map<string, number[]>
  /** Path of a file → other bytes, sent in its place. */
  lies: Map<string, Buffer>
  /** Part of a path → statuses that are answered in its place, once each; they ask to come again at once. */
  busy: Map<string, number[]>
  /** What the `authorization` header of every request was. */
  tokens: (string | undefined)[]
  /** Part of a path → the refusal that is answered: status, `x-error-code`, `x-error-message`. */
  refusals: Map<string, [status: number, code?: string | undefined, message?: string]>
  /** Part of a path → the address that it is sent on to. */
  moved: Map<string, string>
  /** Part of a path → entries that stand once more in its list of files, with other values. */
  again: Map<string, { path: string; oid?: string }[]>
  /** Publishes one more repository. */
  add(repository: string, files: Files): void
  close(): Promise<void>
}

export type Files = Record<string, Buffer | string>

/** @param repositories `models/org/name` or `datasets/org/name`, with @revision where it is not main → files; null: gated */
export async function startHub(repositories: Record<string, Files | null>, commit = 'c'.repeat(40)): Promise<Loopback> {
  const hub: Loopback = {
    endpoint: '',
    requests: [],
    cuts: new Map(),
    lies: new Map(),
    busy: new Map(),
    again: new Map(),
    tokens: [],
    refusals: new Map(),
    moved: new Map(),
    add: (name, files) => void (repositories[name] = files),
    close: () => closed(server),
  }
  const find = (type: string, name: string, revision: string): Files | null | undefined =>
    repositories[`${type}/${name}@${revision}`] ?? repositories[`${type}/${name}`]
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://hub')
    const path = decodeURIComponent(url.pathname)
    hub.requests.push(`${path}${request.headers.range ? ` ${request.headers.range}` : ''}`)
    hub.tokens.push(request.headers.authorization)
    const fail = (status: number, error: string) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    const of = <T>(map: Map<string, T>) => [...map].find(([part]) => path.includes(part))?.[1]
    const [refused, code, message] = of(hub.refusals) ?? []
    if (refused)
      return response
        .writeHead(refused, { ...(code && { 'x-error-code': code }), ...(message && { 'x-error-message': message }) })
        .end('<html>')
    const onward = of(hub.moved)
    if (onward) return response.writeHead(307, { location: onward + request.url! }).end()
    const status = of(hub.busy)?.shift()
    if (status) return response.writeHead(status, { 'retry-after': '0' }).end('busy')
    const api = /^\/api\/(models|datasets)\/((?:[^/]+\/)?[^/]+)\/(revision|tree)\/(.+)$/.exec(path)
    if (api) {
      const files = find(api[1]!, api[2]!, api[4]!)
      if (files === undefined || (api[3] === 'revision' && repositories[`${api[1]}/${api[2]}`] === undefined))
        return fail(404, 'Repository not found')
      if (files === null)
        return request.headers.authorization === 'Bearer hf_good'
          ? json({})
          : fail(403, 'Access to this repository is restricted')
      if (api[3] === 'revision')
        return json({
          _id: '1',
          id: api[2],
          sha: api[4] === 'main' ? commit : commit.replaceAll('c', 'd'),
          lastModified: '2024-01-01',
        })
      const entries = Object.entries(files).map(([file, content]) => entryOf(file, Buffer.from(content)))
      const again = [...hub.again].find(([part]) => path.includes(part))?.[1] ?? []
      return json([
        ...entries,
        ...again.map((entry) => ({ ...(entries.find(({ path }) => path === entry.path) ?? entries[0]), ...entry })),
      ])
    }
    const resolve = /^\/(datasets\/)?((?:[^/]+\/)?[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path)
    const files = resolve && find(resolve[1] ? 'datasets' : 'models', resolve[2]!, resolve[3]!)
    if (!resolve || !files || !(resolve[4]! in files)) return fail(404, 'Entry not found')
    const content = hub.lies.get(resolve[4]!) ?? Buffer.from(files[resolve[4]!]!)
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? 'bytes=0-')!
    const part = content.subarray(Number(from), to ? Number(to) + 1 : undefined)
    const headers = {
      etag: '"e"',
      'content-length': part.length,
      'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${content.length}`,
    }
    response.writeHead(request.headers.range ? 206 : 200, headers)
    const cut = to === '0' ? undefined : hub.cuts.get(resolve[4]!)?.shift()
    if (cut === undefined) return response.end(part)
    response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  hub.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return hub
}

function entryOf(path: string, content: Buffer) {
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  const large = content.length > 1000
  const lfs = large
    ? { oid: createHash('sha256').update(content).digest('hex'), size: content.length, pointerSize: 130 }
    : undefined
  return { type: 'file', path, size: content.length, oid, lfs }
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((done) => server.close(() => done()))
}
