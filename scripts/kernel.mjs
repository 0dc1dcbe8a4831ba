// A Jupyter kernel in a process of its own, spoken to by the Jupyter messaging protocol 5.3 over ZeroMQ, as Jupyter itself does it.
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Dealer, Subscriber } from 'zeromq'

const DELIMITER = '<IDS|MSG>'
const PORTS = ['shell_port', 'iopub_port', 'stdin_port', 'control_port', 'hb_port']

/** Ports that are free now. They are held together until all are known, so that no port is given twice. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', () => resolve(server))
      })
    }),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/**
 * Starts a kernel.
 * @param {(connectionFile: string) => string[]} commandOf command line of the kernel, from the path of its connection file
 * @param {string} folder working folder of the kernel
 */
export async function startKernel(commandOf, folder) {
  const ports = await freePorts(PORTS.length)
  const connection = {
    ...Object.fromEntries(PORTS.map((name, i) => [name, ports[i]])),
    ip: '127.0.0.1',
    transport: 'tcp',
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
  }
  const home = mkdtempSync(join(tmpdir(), 'deltalab-kernel-'))
  const file = join(home, 'connection.json')
  writeFileSync(file, JSON.stringify(connection))
  const [command, ...words] = commandOf(file)
  const child = spawn(command, words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  const ended = new Promise((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the kernel ended with exit code ${code}: ${errors}`)))
  })
  ended.catch(() => undefined)

  const session = randomUUID()
  const shell = new Dealer({ routingId: session, linger: 0 })
  const iopub = new Subscriber({ linger: 0 })
  iopub.subscribe()
  shell.connect(`tcp://127.0.0.1:${connection.shell_port}`)
  iopub.connect(`tcp://127.0.0.1:${connection.iopub_port}`)

  const sign = (parts) => {
    const hmac = createHmac('sha256', connection.key)
    for (const part of parts) hmac.update(part)
    return hmac.digest('hex')
  }
  const receive = async (socket) => {
    const frames = await Promise.race([socket.receive(), ended])
    const parts = frames.slice(frames.findIndex((frame) => frame.toString() === DELIMITER) + 1)
    if (parts[0].toString() !== sign(parts.slice(1, 5)))
      throw new Error('a message of the kernel has a wrong signature')
    const [header, parent, , content] = parts.slice(1, 5).map((part) => JSON.parse(part.toString()))
    return { type: header.msg_type, parent: parent.msg_id, content }
  }
  /** Sends a request; returns its id. */
  const send = async (type, content) => {
    const header = { msg_id: randomUUID(), msg_type: type, session, username: 'deltalab', version: '5.3' }
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part))
    await shell.send([DELIMITER, sign(parts), ...parts])
    return header.msg_id
  }
  /** Reads both channels until the request is answered and the kernel is idle again; returns the answer. */
  const finish = async (id, onMessage = () => undefined) => {
    const published = (async () => {
      for (;;) {
        const message = await receive(iopub)
        if (message.parent !== id) continue
        if (message.type === 'status' && message.content.execution_state === 'idle') return
        onMessage(message)
      }
    })()
    for (;;) {
      const message = await receive(shell)
      if (message.parent !== id) continue
      await published
      return message.content
    }
  }

  return {
    /** What the kernel says of itself: its language and version. */
    info: async () => finish(await send('kernel_info_request', {})),
    /** Runs a cell; returns its outputs in the form of nbformat 4. A cell that throws has an output of type `error`. */
    async execute(code) {
      const outputs = []
      const id = await send('execute_request', {
        code,
        silent: false,
        store_history: true,
        user_expressions: {},
        allow_stdin: false,
        stop_on_error: true,
      })
      await finish(id, ({ type, content }) => {
        if (['stream', 'display_data', 'execute_result', 'error'].includes(type))
          outputs.push({ output_type: type, ...content })
      })
      return outputs
    },
    async stop() {
      shell.close()
      iopub.close()
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.kill()) await gone
      rmSync(home, { recursive: true, force: true })
    },
  }
}
