// A Jupyter kernel in a process of its own, spoken to by the Jupyter messaging protocol 5.3 over ZeroMQ, as Jupyter itself does it.
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dealer, Subscriber } from 'zeromq'

const DELIMITER = '<IDS|MSG>'
const PORTS = ['shell_port', 'iopub_port', 'stdin_port', 'control_port', 'hb_port']
const OUTPUTS = ['stream', 'display_data', 'execute_result', 'error']

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

/** Messages as frames, signed with the key of the connection. */
function messageCodec(key, session) {
  const sign = (parts) => {
    const hmac = createHmac('sha256', key)
    for (const part of parts) hmac.update(part)
    return hmac.digest('hex')
  }
  return {
    encode(type, content) {
      const header = { msg_id: randomUUID(), msg_type: type, session, username: 'deltalab', version: '5.3' }
      const parts = [header, {}, {}, content].map((part) => JSON.stringify(part))
      return { id: header.msg_id, frames: [DELIMITER, sign(parts), ...parts] }
    },
    decode(frames) {
      const [signature, ...parts] = frames.slice(frames.findIndex((frame) => frame.toString() === DELIMITER) + 1)
      if (signature.toString() !== sign(parts.slice(0, 4)))
        throw new Error('a message of the kernel has a wrong signature')
      const [header, parent, , content] = parts.slice(0, 4).map((part) => JSON.parse(part.toString()))
      return { type: header.msg_type, parent: parent.msg_id, content }
    },
  }
}

/** Starts the process of a kernel; `ended` rejects when it ends by itself. */
async function spawnKernel(commandOf, folder) {
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
  /** Waits until the process has ended, and kills it after five seconds. */
  const end = async () => {
    const late = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended.catch(() => undefined)
    clearTimeout(late)
    rmSync(home, { recursive: true, force: true })
  }
  return { connection, ended, end }
}

/**
 * Starts a kernel and waits until it answers.
 * @param {(connectionFile: string) => string[]} commandOf command line of the kernel, from the path of its connection file
 * @param {string} folder working folder of the kernel
 */
export async function startKernel(commandOf, folder) {
  const { connection, ended, end } = await spawnKernel(commandOf, folder)
  const session = randomUUID()
  const codec = messageCodec(connection.key, session)
  const shell = new Dealer({ routingId: session, linger: 0 })
  const iopub = new Subscriber({ linger: 0 })
  iopub.subscribe()
  shell.connect(`tcp://127.0.0.1:${connection.shell_port}`)
  iopub.connect(`tcp://127.0.0.1:${connection.iopub_port}`)

  const listeners = new Set()
  const listen = async (socket) => {
    for await (const frames of socket) {
      const message = codec.decode(frames)
      for (const listener of [...listeners]) listener(message)
    }
  }
  const broken = Promise.race([ended, Promise.all([listen(shell), listen(iopub)])])
  broken.catch(() => undefined)

  /** Sends a request. Resolves when it is answered, the kernel is idle again, and `complete` is true. */
  const ask = async (type, content, complete = () => true) => {
    const { id, frames } = codec.encode(type, content)
    let listener
    const done = new Promise((resolve) => {
      let [answered, idle] = [false, false]
      listener = (message) => {
        if (message.parent === id) {
          answered ||= message.type.endsWith('_reply')
          idle ||= message.type === 'status' && message.content.execution_state === 'idle'
        }
        if (answered && idle && complete()) resolve()
      }
      listeners.add(listener)
    })
    await shell.send(frames)
    await Promise.race([done, broken]).finally(() => listeners.delete(listener))
  }
  const run = (code, complete) =>
    ask(
      'execute_request',
      { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true },
      complete,
    )

  // What is published before the subscription arrives is lost: asked again until both channels answer.
  const asking = new AbortController()
  const ready = () => ask('kernel_info_request', {})
  const tries = []
  do tries.push(ready())
  while ((await Promise.race([...tries, sleep(250, 'late', { signal: asking.signal })])) === 'late')
  asking.abort()

  return {
    /**
     * Runs a cell; returns its outputs in the form of nbformat 4. A cell that throws has an output of type `error`. What a cell
     * prints and shows may arrive after the kernel is idle (so it does with Deno 2.9). Therefore a mark is printed and shown after it
     * and waited for.
     */
    async execute(code) {
      const outputs = []
      const collect = ({ type, content }) => {
        if (OUTPUTS.includes(type)) outputs.push({ output_type: type, ...content })
      }
      const mark = randomUUID()
      const isShownMark = ({ data }) => data?.['text/plain']?.includes(mark)
      const marked = () => outputs.filter(({ text }) => text?.includes(mark)).length === 2 && outputs.some(isShownMark)
      // Between two requests outputs arrive, too: this listener stays from the cell to the mark, and comes before the mark's own.
      listeners.add(collect)
      try {
        await run(code)
        await run(`console.log('${mark}'); console.error('${mark}'); '${mark}'`, marked)
      } finally {
        listeners.delete(collect)
      }
      return outputs
        .filter((output) => !isShownMark(output))
        .map((output) => (output.text ? { ...output, text: output.text.replace(`${mark}\n`, '') } : output))
        .filter(({ text }) => text !== '')
    },
    /** Asks the kernel to shut down, and waits until it has. A launcher around the kernel then ends too. */
    async stop() {
      const control = new Dealer({ linger: 1000 })
      control.connect(`tcp://127.0.0.1:${connection.control_port}`)
      await control.send(codec.encode('shutdown_request', { restart: false }).frames)
      await end()
      for (const socket of [control, shell, iopub]) socket.close()
    },
  }
}
