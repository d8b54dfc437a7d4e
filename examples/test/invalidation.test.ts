import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Cache, Context, Effect, Layer, Logger, Schema, Stream } from "effect"
import * as Invalidation from "../cache/Invalidation.ts"

const Colours = Invalidation.topic("colours", Schema.String)

it.effect("caches hold nothing that was overwritten, also not what was written during a partition", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const store = new Map<string, string>()
    const start = Effect.fnUntraced(function* (name: string) {
      const node = yield* Cluster.layer({ cluster: "cache", name, seeds: ["a"] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
      const events: Array<string> = []
      const cache = yield* Cache.make({
        capacity: 100,
        lookup: (key: string) => Effect.sync(() => store.get(key) ?? "nothing"),
      })
      const onInvalidated = ({ _tag }: Invalidation.Event<string>) => Effect.sync(() => void events.push(_tag))
      const { invalidate } = yield* Effect.provideService(
        Invalidation.attach(cache, Colours, { onInvalidated }),
        Cluster.Cluster,
        node,
      )
      const put = (key: string, value: string) =>
        Effect.suspend(() => {
          store.set(key, value)
          return invalidate(key)
        })
      const sees = (link: "up" | "down") =>
        Stream.runHead(Stream.filter(node.views, ({ peers }) => peers.size > 0 === (link === "up")))
      return { get: (key: string) => Cache.get(cache, key), put, events, sees }
    })
    const a = yield* start("a")
    const b = yield* start("b")
    yield* b.sees("up")
    yield* Effect.sleep("1 second")
    // Each tells the other to forget what it held before they met.
    assert.deepStrictEqual([a.events, b.events], [["Unheard"], ["Unheard"]])

    assert.strictEqual(yield* b.get("sky"), "nothing")
    yield* a.put("sky", "blue")
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* b.get("sky"), "blue")
    assert.deepStrictEqual(b.events.splice(0), ["Unheard", "Key"])

    store.set("sky", "written without a word")
    assert.strictEqual(yield* b.get("sky"), "blue", "the cache holds what nobody invalidated")
    yield* network.partition(["a"], ["b"])
    yield* b.sees("down")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(b.events.splice(0), ["Gap"])
    assert.strictEqual(yield* b.get("sky"), "written without a word")

    // Nobody can tell b of this. It is told to forget everything when it hears of a again.
    yield* a.put("sky", "red")
    assert.strictEqual(yield* b.get("sky"), "written without a word")
    yield* network.heal
    yield* b.sees("up")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(b.events, ["Unheard"])
    assert.strictEqual(yield* b.get("sky"), "red")
  }).pipe(Effect.scoped, VirtualTime.flow),
)
