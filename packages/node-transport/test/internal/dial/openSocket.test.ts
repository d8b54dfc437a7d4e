import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { errorCode } from "../../../src/internal/socket/errorCode.ts"
import { awaitConnected, openSocket, SelfConnection, type Target } from "../../../src/internal/dial/openSocket.ts"

const listen = (host: string, port = 0, onSocket: (socket: Net.Socket) => void = () => {}) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        onSocket(socket)
      })
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close()),
  )

const portOf = (server: Net.Server): number => {
  const bound = server.address()
  return bound === null || typeof bound === "string" ? assert.fail("no port") : bound.port
}

/** Returns a port without a listener. */
const freePort = Effect.scoped(Effect.map(listen("127.0.0.1"), portOf))

const open = (target: Target) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = openSocket(target)
      socket.on("error", () => {})
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Returns the states of the sockets of a local port, as Linux numbers them. 06 is TIME-WAIT. */
const statesOf = (port: number): ReadonlyArray<string> => {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return Fs.readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, address = "", , state = ""]) => (address.endsWith(local) ? [state] : []))
}

const isLinux = process.platform === "linux"

describe("a socket that is opened", () => {
  // Linux assigns all of 127.0.0.0/8 to the loopback. Other systems may not.
  it.live.runIf(isLinux)("is connected to the first host that answers", () =>
    Effect.gen(function* () {
      const server = yield* listen("127.0.0.2")
      const socket = yield* open({ hosts: ["127.0.0.1", "127.0.0.2"], port: portOf(server) })
      yield* awaitConnected(socket)
      assert.strictEqual(socket.remoteAddress, "127.0.0.2")
    }),
  )

  it.live.runIf(isLinux)("fails with the error of the system if no host answers", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const single = yield* Effect.flip(awaitConnected(yield* open({ hosts: ["127.0.0.1"], port })))
      const several = yield* Effect.flip(awaitConnected(yield* open({ hosts: ["127.0.0.1", "127.0.0.2"], port })))
      for (const error of [single, several]) assert.strictEqual(errorCode(error), "ECONNREFUSED")
    }),
  )

  // Linux connects a socket that dials its own port to itself. Other systems may not.
  it.live.runIf(isLinux)("is refused and reset if it is connected to itself, and leaves the port to a listener", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const socket = yield* open({ hosts: ["127.0.0.1"], port, localPort: port })
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
      const error = yield* Effect.flip(awaitConnected(socket))
      assert.instanceOf(error, SelfConnection)
      assert.strictEqual(error.code, "ECONNREFUSED")
      assert.strictEqual(socket.bytesWritten, 0)
      yield* Effect.promise(() => closed)
      assert.deepStrictEqual(statesOf(port), [])
      assert.strictEqual(portOf(yield* listen("127.0.0.1", port)), port)
    }),
  )
})
