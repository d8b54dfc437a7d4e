/**
 * Prints log lines of a node that refuses a connection, with the logger that the first argument names, for tools that read logs:
 *
 *     node refusalLines.ts default|logfmt|json
 */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Net from "node:net"

const loggers: Record<string, Layer.Layer<never>> = {
  default: Layer.empty,
  logfmt: Logger.layer([Logger.consoleLogFmt]),
  json: Logger.layer([Logger.consoleJson]),
}

/** Dials a node, sends the bytes and waits for the end. */
const dial = (address: Address.Address, localAddress: string, bytes: string) =>
  Effect.callback<void>((resume) => {
    const socket = Net.connect({ host: Address.host(address), port: Address.port(address), localAddress })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.void))
    socket.resume()
    socket.write(bytes)
  })

const program = Effect.gen(function* () {
  const cluster = Context.get(
    yield* Layer.build(
      Cluster.layer({ cluster: "hello", name: "ann" }).pipe(
        Layer.provide(
          NodeTransport.layerSecret({ port: 0, handshakeTimeout: "1 second", networks: { deny: ["127.0.0.4"] } }),
        ),
        Layer.provide(Keyring.layerFromEnv()),
      ),
    ),
    Cluster.Cluster,
  )
  const [address] = (yield* cluster.self).addresses
  if (address === undefined) return yield* Effect.die("a node has an address")
  yield* dial(address, "127.0.0.2", "GET / HTTP/1.1\r\n\r\n")
  yield* dial(address, "127.0.0.3", "")
  yield* dial(address, "127.0.0.4", "")
  for (let i = 0; i < 3; i++) yield* dial(address, "127.0.0.5", "x")
})

const logger = loggers[process.argv[2] ?? ""]
if (logger === undefined) throw new Error("usage: node refusalLines.ts default|logfmt|json")
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(logger)))
