/** The metrics of a cluster under load that replaces its secret, on real sockets. */
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import { join, start, underLoad, until } from "./rotation.ts"
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

const startWith = Effect.fnUntraced(function* (name: string) {
  const keyring = yield* Keyring.make(secret)
  const transport = NodeTransport.layerSecret({ port: 0 }).pipe(Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)))
  return { ...(yield* start(name, transport)), keyring }
})

describe("the metrics of a cluster that replaces its secret", () => {
  it.live(
    "under load loses, repeats and reorders no message, emits no event, and shows in its metrics when it is over",
    () => {
      const metrics = new SecretMetrics()
      return Effect.gen(function* () {
        const nodes = yield* Effect.forEach(["a", "b", "c"], startWith)
        yield* join(nodes)
        yield* until(() => metrics.all(nodes, { [oldId]: { sessions: 2, use: "dials" } }))
        yield* underLoad(
          nodes,
          Effect.gen(function* () {
            for (const { keyring } of nodes) yield* keyring.set([otherSecret, secret])
            yield* until(() =>
              metrics.all(nodes, { [newId]: { sessions: 0, use: "dials" }, [oldId]: { sessions: 2, use: "accepted" } }),
            )
            for (const { keyring } of nodes) yield* keyring.set([otherSecret])
            yield* until(() => metrics.all(nodes, { [newId]: { sessions: 2, use: "dials" } }))
          }),
        )
      }).pipe(
        Effect.scoped,
        Effect.provide(Logger.layer([])),
        Effect.provideService(Metric.MetricRegistry, metrics.registry),
      )
    },
    90_000,
  )
})
