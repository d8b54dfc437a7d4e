/** A cluster under load replaces its secret, on real sockets. */
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { otherSecret, secret } from "./secretOutcomes.ts"

/** Keys of the connections that are open in all nodes, each end counted. */
class OpenKeys {
  private readonly counts = new Map<string, number>()

  count(secret: Redacted.Redacted<string>): number {
    return this.counts.get(Result.getOrThrow(Keyring.idOf(secret))) ?? 0
  }

  /** Counts the connection until the scope closes. */
  readonly track = ({ identity }: Transport.Connection) => {
    const key = identity?._tag === "Secret" ? identity.key : "none"
    const add = (count: number) => Effect.sync(() => this.counts.set(key, (this.counts.get(key) ?? 0) + count))
    return Effect.acquireRelease(add(1), () => add(-1))
  }
}

const counted = (open: OpenKeys) =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ connect, listen }) => ({
      connect: (address) => Effect.tap(connect(address), open.track),
      listen: Effect.map(listen, ({ addresses, run }) => ({
        addresses,
        run: (handler) =>
          run((connection) => Effect.scoped(Effect.andThen(open.track(connection), handler(connection)))),
      })),
    })),
  )

/** Waits until this is so. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), until(condition))))

const start = Effect.fnUntraced(function* (name: string, open: OpenKeys) {
  const keyring = yield* Keyring.make(secret)
  const transport = counted(open).pipe(
    Layer.provide(NodeTransport.layerSecret({ port: 0 })),
    Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)),
  )
  const context = yield* Layer.build(Cluster.layer({ cluster: "rotation", name }).pipe(Layer.provide(transport)))
  const cluster = Context.get(context, Cluster.Cluster)
  const [address] = (yield* cluster.self).addresses
  return { address: address ?? assert.fail("a node has an address"), cluster, keyring, name }
})

type Node = Effect.Success<ReturnType<typeof start>>

/** Sends numbers until it is stopped. Returns how many it sent. */
const talk = (from: Node, to: Node, isStopped: () => boolean) =>
  Effect.gen(function* () {
    let sent = 0
    while (!isStopped()) {
      yield* from.cluster.send(to.name, String(sent))
      sent++
      yield* Effect.sleep("1 millis")
    }
    return sent
  })

/** Collects the events of a node after its first one, and the numbers that it received from each peer. */
const hear = Effect.fnUntraced(function* ({ cluster }: Node) {
  const events: Array<string> = []
  const received = new Map<string, Array<number>>()
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.drop(cluster.events, 1), ({ _tag }) => Effect.sync(() => events.push(_tag))),
  )
  yield* Effect.forkScoped(
    Stream.runForEach(cluster.inbox, ({ from, text }) =>
      Effect.sync(() => {
        const numbers = received.get(from.name)
        if (numbers === undefined) received.set(from.name, [Number(text)])
        else numbers.push(Number(text))
      }),
    ),
  )
  return { events, received }
})

describe("a cluster that replaces its secret", () => {
  it.live(
    "under load loses, repeats and reorders no message, emits no event, and keeps no link of the old secret",
    () =>
      Effect.gen(function* () {
        const open = new OpenKeys()
        const nodes: Array<Node> = []
        for (const name of ["a", "b", "c"]) nodes.push(yield* start(name, open))
        for (const { cluster } of nodes.slice(1)) yield* cluster.join(nodes[0]?.address ?? "")
        for (const { cluster } of nodes) {
          yield* Stream.runHead(
            Stream.filter(
              cluster.views,
              ({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === 2,
            ),
          )
        }
        yield* until(() => open.count(secret) === 6)
        let isStopped = false
        const heard = new Map<string, Effect.Success<ReturnType<typeof hear>>>()
        for (const node of nodes) heard.set(node.name, yield* hear(node))
        const talks = []
        for (const from of nodes) {
          for (const to of nodes) {
            if (from === to) continue
            const fiber = yield* Effect.forkScoped(talk(from, to, () => isStopped))
            talks.push({ fiber, from: from.name, to: to.name })
          }
        }
        for (const { keyring } of nodes) yield* keyring.set([otherSecret, secret])
        for (const { keyring } of nodes) yield* keyring.set([otherSecret])
        yield* until(() => open.count(secret) === 0 && open.count(otherSecret) === 6)
        isStopped = true
        for (const { fiber, from, to } of talks) {
          const sent = yield* Fiber.join(fiber)
          const numbers = () => heard.get(to)?.received.get(from) ?? []
          yield* until(() => numbers().length >= sent)
          assert.deepStrictEqual(
            numbers(),
            Array.from({ length: sent }, (_, i) => i),
            `${from} to ${to}`,
          )
        }
        for (const { events } of heard.values()) assert.deepStrictEqual(events, [])
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    90_000,
  )
})
