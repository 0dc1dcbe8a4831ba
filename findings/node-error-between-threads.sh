#!/usr/bin/env bash
# Node 22.12.0: an error of the file system that a worker thread posts arrives without its code, errno, syscall and path, and one of a
# class of one's own arrives as an Error without its name; only message and stack are left, so that `error.code === 'ENOENT'` is false
# in the main thread. The same error that the worker throws, and that ends it, arrives with all of them.
# Seen:
#   posted: Error undefined undefined undefined
#   own class: Error undefined
#   thrown: Error ENOENT open /missing
# Exits non-zero once a posted error keeps its code.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node@22.12.0
cat > check.mjs <<'JS'
import { openSync } from 'node:fs'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

class FileError extends Error {
  name = 'FileError'
  place = 'header'
}

function work() {
  try {
    openSync('/missing')
  } catch (error) {
    parentPort.postMessage(error)
    parentPort.postMessage(new FileError('broken'))
    throw error
  }
}

function main() {
  const seen = []
  const worker = new Worker(new URL(import.meta.url))
  worker.on('message', ({ name, code, syscall, path, place, message }) =>
    seen.push(message === 'broken' ? `own class: ${name} ${place}` : `posted: ${name} ${code} ${syscall} ${path}`),
  )
  worker.on('error', ({ name, code, syscall, path }) => seen.push(`thrown: ${name} ${code} ${syscall} ${path}`))
  worker.on('exit', () => {
    console.log(seen.join('\n'))
    const expected = ['posted: Error undefined undefined undefined', 'own class: Error undefined', 'thrown: Error ENOENT open /missing']
    process.exitCode = String(seen) === String(expected) ? 0 : 1
  })
}

if (isMainThread) main()
else work()
JS
node_modules/.bin/node check.mjs
