/**
 * The use of the event loop and the memory that a node shares with the rest of the process, and the options that turn
 * it off.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"

describe("the arrays that a transport hands over", () => {
  /** Sends a message in fragments. Returns the number of large arrays of the receiver that are freed afterwards. */
  const freedArrays = (process: Cluster.ProcessOptions | undefined) =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make({ latency: "1 millis" })
      const received: Array<Uint8Array> = []
      const transport = Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, (inner) => ({
          listen: inner.listen,
          connect: (address) =>
            Effect.map(inner.connect(address), (connection) => ({
              ...connection,
              pull: Effect.map(connection.pull, ([first, ...others]) => {
                // A separate array for each chunk, like a transport of sockets.
                const own = (chunk: Uint8Array) => {
                  const copy = chunk.slice()
                  if (copy.length >= 8 * 1024) received.push(copy)
                  return copy
                }
                return [own(first), ...others.map(own)] as const
              }),
            })),
        })),
      ).pipe(Layer.provide(network.transport("b")))
      const start = (options: Cluster.Options, layer: Layer.Layer<Transport.Transport>) =>
        Effect.map(Layer.build(Layer.provide(Cluster.layer(options), layer)), Context.get(Cluster.Cluster))
      const a = yield* start({ cluster: "test", name: "a" }, network.transport("a"))
      const b = yield* start({ cluster: "test", name: "b", process }, transport)
      yield* b.join((yield* a.self).addresses)
      yield* Stream.runHead(Stream.filter(a.views, ({ peers }) => peers.get("b")?.link === "up"))
      const payload = new Uint8Array(1024 * 1024).fill(7)
      yield* a.send("b", payload)
      const [message] = yield* Stream.runCollect(Stream.take(b.inbox, 1))
      assert.deepStrictEqual(message?.payload, payload)
      assert.isAbove(received.length, 10)
      return received.filter(({ length }) => length === 0).length
    }).pipe(Effect.scoped, VirtualTime.flow)

  it.effect("are freed by default once they are no longer needed", () =>
    Effect.gen(function* () {
      assert.isAbove(yield* freedArrays(undefined), 0)
    }),
  )

  it.effect("are left to the transport and the garbage collector with `detachBuffers: false`", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* freedArrays({ detachBuffers: false }), 0)
    }),
  )
})

describe("the scheduler of a node", () => {
  /** Returns the scheduler of the fibers of a node. */
  const schedulerOf = (process: Cluster.ProcessOptions | undefined) =>
    Effect.gen(function* () {
      let seen: unknown
      const network = yield* SimNetwork.make()
      const transport = Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, (inner) => ({
          ...inner,
          listen: Effect.andThen(
            Effect.map(Scheduler.Scheduler, (scheduler) => void (seen = scheduler)),
            inner.listen,
          ),
        })),
      ).pipe(Layer.provide(network.transport("a")))
      yield* Layer.build(Layer.provide(Cluster.layer({ cluster: "test", name: "a", process }), transport))
      return seen
    }).pipe(Effect.scoped)

  it.live("is separate by default, and the scheduler of the application with `microtasks: false`", () =>
    Effect.gen(function* () {
      const standard = yield* Scheduler.Scheduler
      assert.notStrictEqual(yield* schedulerOf(undefined), standard)
      assert.strictEqual(yield* schedulerOf({ microtasks: false }), standard)
    }),
  )
})
