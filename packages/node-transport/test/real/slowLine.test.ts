/**
 * Two nodes on real sockets with a slow line between them. The system buffers much of a large message, and later frames
 * of the sender wait for all of it.
 */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Net from "node:net"

/** Bytes per second of the line in each direction. */
const bandwidth = 1_000_000

/** Size of the message. Its transfer takes several times the link timeout. */
const messageBytes = 4_000_000

/** Short times, for which the line is slow. */
const detector = FailureDetector.layer({ heartbeat: "250 millis", linkTimeout: "750 millis" })

const node = (name: string, options: Partial<Cluster.Options> = {}) =>
  Cluster.layer({ cluster: "test", name, limits: { inboxWindowBytes: 8 * 1024 * 1024 }, ...options }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
    Layer.provide(detector),
    Layer.provide(Logger.layer([])),
    Layer.build,
    Effect.map((context) => Context.get(context, Cluster.Cluster)),
  )

/** Forwards the bytes of one socket to the other at the speed of the line. */
const pump = (from: Net.Socket, to: Net.Socket): void => {
  from.on("data", (chunk) => {
    to.write(chunk)
    from.pause()
    setTimeout(() => from.resume(), (1_000 * chunk.length) / bandwidth)
  })
  from.on("end", () => to.end())
  from.on("error", () => to.destroy())
  from.on("close", () => to.destroy())
}

/** Listens on a port whose connections lead to the other port over a slow line. Returns the port. */
const slowLineTo = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer({ allowHalfOpen: true }, (near) => {
          const far = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true })
          pump(near, far)
          pump(far, near)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close()),
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    },
  )

const portOf = (address: string | undefined): number => Address.port(Result.getOrThrow(Address.parse(address ?? "")))

/** Collects the tags of all later events until the scope closes. */
const collect = ({ events }: Cluster.Cluster["Service"]) =>
  Effect.gen(function* () {
    const tags: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(events, ({ _tag }) => Effect.sync(() => void tags.push(_tag))))
    return tags
  })

describe.concurrent("a large message over real sockets and a slow line", () => {
  // Names order connections, so both orders are tested.
  for (const [from, to] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    it.live(`from ${from} to ${to} arrives on the link on which it was sent`, () =>
      Effect.gen(function* () {
        const receiver = yield* node(to)
        const port = yield* slowLineTo(portOf((yield* receiver.self).addresses[0]))
        const sender = yield* node(from, { seeds: [`127.0.0.1:${port}`] })
        yield* Stream.runHead(Stream.filter(sender.views, ({ peers }) => peers.get(to)?.link === "up"))
        yield* Stream.runHead(Stream.filter(receiver.views, ({ peers }) => peers.get(from)?.link === "up"))
        const seen = [yield* collect(sender), yield* collect(receiver)]
        yield* sender.send(to, new Uint8Array(messageBytes))
        const message = Option.getOrThrow(yield* Stream.runHead(receiver.inbox))
        assert.strictEqual(message.payload.length, messageBytes)
        assert.deepStrictEqual(
          seen.flat().filter((tag) => tag !== "Snapshot"),
          [],
        )
      }).pipe(Effect.scoped),
    )
  }
})
