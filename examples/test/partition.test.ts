import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"

it.effect("a partition heals by itself", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: { min: "1 millis", max: "30 millis" } })
    const start = (name: string) =>
      Cluster.layer({ cluster: "hello", name, seeds: ["a"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    const a = yield* start("a")
    const b = yield* start("b")
    const c = yield* start("c")

    yield* lists(a, "b", "c")
    yield* lists(b, "a", "c")
    yield* lists(c, "a", "b")

    yield* network.partition(["a"], ["b", "c"])
    yield* lists(a)
    yield* lists(b, "c")
    yield* Effect.sleep("5 minutes") // of virtual time

    yield* network.heal
    yield* lists(a, "b", "c")
    yield* lists(c, "a", "b")

    yield* a.broadcast("Hello, world!")
    const [message] = yield* Stream.runCollect(Stream.take(c.inbox, 1))
    assert.strictEqual(message?.text, "Hello, world!")
  }).pipe(Effect.scoped, VirtualTime.flow),
)

/** Waits until a node lists exactly these peers and has a link to each; fails after two minutes. */
const lists = (node: Cluster.Cluster["Service"], ...names: ReadonlyArray<string>) =>
  node.views.pipe(
    Stream.filter(({ peers }) => peers.size === names.length && names.every((name) => peers.get(name)?.link === "up")),
    Stream.runHead,
    Effect.timeout("2 minutes"),
  )
