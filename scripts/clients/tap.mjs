// Stands between a client and the server, passes every byte on, and notes it: tap.mjs FILE program [argument ...]
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import process from 'node:process'

const [file = '', program = '', ...args] = process.argv.slice(2)
const notes = createWriteStream(file, { flags: 'a' })
const server = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
process.stdin.pipe(notes, { end: false })
process.stdin.pipe(server.stdin)
server.stdout.pipe(notes, { end: false })
server.stdout.pipe(process.stdout)
server.stdin.on('error', () => undefined)
process.stdout.on('error', () => undefined)
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) process.on(signal, () => server.kill(signal))
server.on('close', (code) => notes.end(() => process.exit(code ?? 1)))
