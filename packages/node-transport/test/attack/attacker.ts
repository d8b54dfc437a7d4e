/**
 * Stranger that attacks nodes until the end of its standard input, from one or several addresses of this machine. It keeps connections open
 * that say nothing, that send one byte a second and that never finish a handshake, and makes handshakes that fail:
 *
 *     node attacker.ts --port PORT... --from HOST... --silent COUNT --rate COUNT
 */
import * as Net from "node:net"
import * as Os from "node:os"
import { parseArgs } from "node:util"
import { helloOf, withIdentities } from "./hellos.ts"
import * as Protocol from "./Protocol.ts"

const { values } = parseArgs({
  options: {
    port: { type: "string", multiple: true, default: [] },
    from: { type: "string", multiple: true, default: [] },
    silent: { type: "string", default: "10000" },
    rate: { type: "string", default: "500" },
  },
})
const ports = values.port.map(Number)
const ratePerSecond = Number(values.rate)

// An attacker has processors of its own.
Os.setPriority(5)

const tickMillis = 50

const hello = await helloOf("AAAAAAAAAAAA")
const bytes = {
  wrong: hello,
  many: withIdentities(hello, 9_000),
  // Every handshake stops before its last byte.
  unfinished: hello.subarray(0, -1),
}

/** Connections of one kind: as many as `target` are kept open, with at most `perSecond` attempts. */
interface Kind {
  readonly target: number
  readonly perSecond: number
  readonly connected: (socket: Net.Socket) => void
  open: number
  attempts: number
  due: number
}

const kindOf = (target: number, perSecond: number, connected: Kind["connected"]): Kind => ({
  target,
  perSecond,
  connected,
  open: 0,
  attempts: 0,
  due: 0,
})

const kinds: Record<string, Kind> = {
  silent: kindOf(Number(values.silent), Number(values.silent) / 5, () => {}),
  wrong: kindOf(1_000, ratePerSecond, (socket) => socket.write(bytes.wrong)),
  many: kindOf(20, 5, (socket) => socket.write(bytes.many)),
  unfinished: kindOf(60, 60, (socket) => socket.write(bytes.unfinished)),
  slow: kindOf(60, 60, (socket) => {
    let sent = 0
    const timer = setInterval(() => {
      if (!socket.destroyed) socket.write(bytes.wrong.subarray(sent, ++sent))
    }, 1_000)
    socket.on("close", () => clearInterval(timer))
  }),
}

let turn = 0
const dial = (kind: Kind) => {
  turn++
  kind.open++
  kind.attempts++
  const socket = Net.connect({
    host: "127.0.0.1",
    port: ports[turn % ports.length] ?? 0,
    localAddress: values.from[turn % values.from.length] ?? "127.0.0.1",
  })
  socket.on("error", () => {})
  socket.on("connect", () => kind.connected(socket))
  socket.on("close", () => kind.open--)
  socket.resume()
}

let last = performance.now()
setInterval(() => {
  // The timer is late on a busy machine.
  const elapsed = performance.now() - last
  last += elapsed
  for (const kind of Object.values(kinds)) {
    kind.due = Math.min(kind.perSecond, kind.due + (kind.perSecond * elapsed) / 1_000)
    for (; kind.due >= 1 && kind.open < kind.target; kind.due--) dial(kind)
  }
}, tickMillis)

setInterval(() => {
  const attempts = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.attempts]))
  const open = Object.values(kinds).reduce((sum, kind) => sum + kind.open, 0)
  console.log(Protocol.encode({ _tag: "Attempts", attempts, open }))
}, 500)

process.stdin.on("end", () => process.exit()).resume()
