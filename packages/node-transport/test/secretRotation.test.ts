/** A cluster under load replaces its secret, on real sockets. */
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"

/** Metrics of the nodes, by which an operator follows the replacement. */
class SecretMetrics {
  readonly registry: Metric.MetricRegistry = new Map()
  private readonly reader = new MetricReader(this.registry)

  /** Returns the numbers of a node by the id of a secret: its open connections, and its place in the ring. */
  of(node: string): Readonly<Record<string, { readonly sessions: number; readonly use: string | undefined }>> {
    return Object.fromEntries(
      this.reader.find(node, "coterie_sessions").map(({ attributes }) => {
        const { key = "" } = attributes ?? {}
        const [use] = this.reader.find(node, "coterie_keys", { key })
        const sessions = this.reader.value(node, "coterie_sessions", { key })
        return [key, { sessions, use: use?.attributes?.["use"] }]
      }),
    )
  }

  /** Tests whether all nodes have these numbers. */
  all(nodes: ReadonlyArray<{ readonly name: string }>, expected: ReturnType<SecretMetrics["of"]>): boolean {
    return nodes.every(({ name }) => Equal.equals(this.of(name), expected))
  }
}

const oldId = Result.getOrThrow(Keyring.idOf(secret))
const newId = Result.getOrThrow(Keyring.idOf(otherSecret))

/** Waits until this is so. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), until(condition))))

const start = Effect.fnUntraced(function* (name: string) {
  const keyring = yield* Keyring.make(secret)
  const transport = NodeTransport.layerSecret({ port: 0 }).pipe(Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)))
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
    "under load loses, repeats and reorders no message, emits no event, and shows in its metrics when it is over",
    () => {
      const metrics = new SecretMetrics()
      return Effect.gen(function* () {
        const nodes: Array<Node> = []
        for (const name of ["a", "b", "c"]) nodes.push(yield* start(name))
        for (const { cluster } of nodes.slice(1)) yield* cluster.join(nodes[0]?.address ?? "")
        for (const { cluster } of nodes) {
          yield* Stream.runHead(
            Stream.filter(
              cluster.views,
              ({ peers }) => [...peers.values()].filter(({ link }) => link === "up").length === 2,
            ),
          )
        }
        yield* until(() => metrics.all(nodes, { [oldId]: { sessions: 2, use: "dials" } }))
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
        yield* until(() =>
          metrics.all(nodes, { [newId]: { sessions: 0, use: "dials" }, [oldId]: { sessions: 2, use: "accepted" } }),
        )
        for (const { keyring } of nodes) yield* keyring.set([otherSecret])
        yield* until(() => metrics.all(nodes, { [newId]: { sessions: 2, use: "dials" } }))
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
      }).pipe(
        Effect.scoped,
        Effect.provide(Logger.layer([])),
        Effect.provideService(Metric.MetricRegistry, metrics.registry),
      )
    },
    90_000,
  )
})
