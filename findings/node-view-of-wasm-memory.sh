#!/usr/bin/env bash
# Node 22.12.0: a message that holds a typed array is a copy of the whole buffer under it. A view of 16 bytes of a WebAssembly memory of
# 64 MiB, posted to another thread, arrives as 16 bytes of a buffer of 64 MiB. Such a memory cannot be transferred: 22.12.0 says that
# the type is not supported, and 20.19.0 copies it, silently, and leaves it usable. slice() before posting is what sends 16 bytes.
# Seen:
#   22.12.0: a view of 16 bytes comes with 67108864, a slice with 16; transfer: DataCloneError
#   20.19.0: a view of 16 bytes comes with 67108864, a slice with 16; transfer: copied 67108864
# Exits non-zero once one of them is otherwise.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
cat > check.mjs <<'JS'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'

const memory = new WebAssembly.Memory({ initial: 1024 })
const view = new Float32Array(memory.buffer, 0, 4)
const { port1, port2 } = new MessageChannel()
const sent = (value, transfer) => {
  port1.postMessage(value, transfer)
  return receiveMessageOnPort(port2).message.buffer.byteLength
}
const transferred = () => {
  try {
    const bytes = sent(view, [memory.buffer])
    return `${memory.buffer.byteLength ? 'copied' : 'moved'} ${bytes}`
  } catch (error) {
    return error.name
  }
}
console.log(`${process.versions.node}: a view of ${view.byteLength} bytes comes with ${sent(view)}, a slice with ${sent(view.slice())}; transfer: ${transferred()}`)
port1.close()
JS
found=""
for version in 22.12.0 20.19.0; do
  npm install --silent --no-audit --no-fund "node@$version"
  line=$(node_modules/.bin/node check.mjs); echo "$line"; found+="$line|"
done
[ "$found" = "22.12.0: a view of 16 bytes comes with 67108864, a slice with 16; transfer: DataCloneError|20.19.0: a view of 16 bytes comes with 67108864, a slice with 16; transfer: copied 67108864|" ]
