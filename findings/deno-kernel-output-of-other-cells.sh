#!/usr/bin/env bash
# Deno 2.9.6's Jupyter kernel, spoken to over zeromq 6.8.0 as Jupyter does it (messaging protocol 5.3).
# A client knows the cell of an output by the parent of its message, and stops waiting for a cell when the kernel says `idle`;
# the protocol asks a kernel to send the outputs of a request before its idle status. Deno reads what a cell prints from a pipe of
# its own and labels it with the request that runs at that moment. So a cell that prints a few megabytes is idle before most
# of it is sent, and the rest is sent as the output of the cells that run after it. A tool that stores outputs by cell (nbconvert, a check
# of notebooks in CI) loses them or writes them under another cell. To be sure, print a mark after each cell and wait for it.
# Seen (characters that came as output of each cell; 1 prints 3,003,000 characters, 2 and 3 print 2 each):
#   cell 1: less than 3,003,000, and not all of it before idle
#   cells 2 and 3: more than 1,000,000 together
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent deno@2.9.6 zeromq@6.8.0 > /dev/null
cat > client.mjs <<'JS'
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dealer, Subscriber } from 'zeromq'

const open = await Promise.all(Array.from({ length: 5 }, () => new Promise((done) => { const server = createServer().listen(0, '127.0.0.1', () => done(server)) })))
const [shell_port, iopub_port, stdin_port, control_port, hb_port] = open.map((server) => server.address().port)
await Promise.all(open.map((server) => new Promise((done) => server.close(done))))
const key = randomUUID()
writeFileSync('connection.json', JSON.stringify({ shell_port, iopub_port, stdin_port, control_port, hb_port, ip: '127.0.0.1', transport: 'tcp', key, signature_scheme: 'hmac-sha256' }))
const kernel = spawn('node_modules/.bin/deno', ['jupyter', '--kernel', '--conn', 'connection.json'], { stdio: 'ignore' })
const shell = new Dealer(), iopub = new Subscriber()
iopub.subscribe(); shell.connect(`tcp://127.0.0.1:${shell_port}`); iopub.connect(`tcp://127.0.0.1:${iopub_port}`)

const printed = new Map(), before = new Map(), idle = new Set()
;(async () => {
  for await (const frames of iopub) {
    const [header, parent, , content] = frames.slice(-4).map((frame) => JSON.parse(frame.toString()))
    const cell = parent.msg_id
    if (header.msg_type === 'stream') printed.set(cell, (printed.get(cell) ?? 0) + content.text.length)
    if (header.msg_type !== 'status' || content.execution_state !== 'idle') continue
    before.set(cell, printed.get(cell) ?? 0); idle.add(cell)
  }
})()
const send = async (msg_type, content) => {
  const msg_id = randomUUID()
  const parts = [{ msg_id, msg_type, session: 'one', username: 'one', version: '5.3' }, {}, {}, content].map((part) => JSON.stringify(part))
  await shell.send(['<IDS|MSG>', createHmac('sha256', key).update(parts.join('')).digest('hex'), ...parts])
  return msg_id
}
for (let asked = []; !asked.some((id) => idle.has(id)); await sleep(300)) asked.push(await send('kernel_info_request', {}))
await sleep(1000)
const cells = []
for (const code of ["for (let i = 0; i < 3000; i++) console.log('a'.repeat(1000))", "console.log('b')", "console.log('c')"]) {
  cells.push(await send('execute_request', { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true }))
  while (!idle.has(cells.at(-1))) await sleep(1)
}
while ([...printed.values()].reduce((sum, n) => sum + n, 0) < 3_003_004) await sleep(50)
const [one, two, three] = cells.map((cell) => printed.get(cell) ?? 0)
console.log(`cell 1: ${one} characters, ${before.get(cells[0])} of them before idle; cell 2: ${two}; cell 3: ${three}`)
kernel.kill('SIGKILL')
process.exit(one < 3_003_000 && before.get(cells[0]) < one && two + three > 1_000_000 ? 0 : 1)
JS
timeout 120 node client.mjs
