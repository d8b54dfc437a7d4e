import * as PeerCache from "@coterie/reactivity/PeerCache"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Cache from "effect/Cache"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Support from "./support.ts"

const { settle, test } = Support

const User = Schema.Struct({ id: Schema.Int })
type User = typeof User.Type

class Names extends Context.Service<
  Names,
  { readonly cache: Cache.Cache<User, string>; readonly peers: PeerCache.PeerCache<User> }
>()("test/Names") {}

/** Starts a node with a cache of a store. `read` runs after each read of the store. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  store: ReadonlyMap<number, string>,
  {
    key = User,
    lines,
    read = Effect.void,
  }: {
    readonly key?: Schema.Codec<User, unknown>
    readonly lines?: Array<string>
    readonly read?: Effect.Effect<void>
  } = {},
) {
  const layer = Layer.effect(Names)(
    Effect.gen(function* () {
      const lookup = ({ id }: User) =>
        Effect.tap(
          Effect.sync(() => store.get(id) ?? "nobody"),
          read,
        )
      const cache = yield* Cache.make({ capacity: 100, lookup })
      return { cache, peers: yield* PeerCache.attach(cache, { channel: "names", key }) }
    }),
  )
  const node = yield* Support.start(network, name, layer, lines === undefined ? {} : { lines })
  const { cache, peers } = yield* node.run(Names)
  return { ...node, peers, cache, get: (id: number) => Cache.get(cache, { id }) }
})

describe("PeerCache", () => {
  test("holds no overwritten value, including values that were written while there was no link", (network) =>
    Effect.gen(function* () {
      const store = new Map<number, string>()
      const a = yield* start(network, "a", store)
      const b = yield* start(network, "b", store)
      yield* b.linked(1)
      yield* settle
      assert.strictEqual(yield* b.get(1), "nobody")
      assert.strictEqual(yield* b.get(2), "nobody")
      store.set(1, "ann").set(2, "bob")
      yield* a.peers.invalidate({ id: 1 })
      yield* settle
      assert.deepStrictEqual([yield* b.get(1), yield* b.get(2)], ["ann", "nobody"])

      yield* network.partition(["a"], ["b"])
      yield* a.linked(0)
      yield* b.linked(0)
      store.set(1, "anna")
      yield* a.peers.invalidate({ id: 1 })
      yield* Effect.sleep("1 minute")
      yield* network.heal
      yield* b.linked(1)
      yield* settle
      assert.deepStrictEqual([yield* b.get(1), yield* b.get(2)], ["anna", "bob"])

      store.clear()
      yield* a.peers.invalidateAll
      yield* settle
      assert.deepStrictEqual([yield* a.get(1), yield* b.get(1)], ["nobody", "nobody"])
    }))

  test("does not keep a value that was overwritten during its lookup", (network) =>
    Effect.gen(function* () {
      const store = new Map([[1, "ann"]])
      const isRead = yield* Deferred.make<void>()
      const a = yield* start(network, "a", store)
      const b = yield* start(network, "b", store, { read: Deferred.await(isRead) })
      yield* b.linked(1)
      yield* settle
      const reading = yield* Effect.forkScoped(b.get(1), { startImmediately: true })
      store.set(1, "anna")
      yield* a.peers.invalidate({ id: 1 })
      yield* settle
      yield* Deferred.succeed(isRead, undefined)
      assert.strictEqual(yield* Fiber.join(reading), "ann")
      assert.strictEqual(yield* b.get(1), "anna")
    }))

  test("fails for a key that does not match its schema, and peers then forget everything", (network) =>
    Effect.gen(function* () {
      const store = new Map([[1, "ann"]])
      const a = yield* start(network, "a", store)
      const b = yield* start(network, "b", store)
      yield* b.linked(1)
      yield* settle
      yield* b.get(1)
      store.set(1, "anna")
      const error = yield* Effect.flip(a.peers.invalidate({ id: 1.5 }))
      assert.strictEqual(error._tag, "EncodeError")
      assert.strictEqual(error.topic, "names")
      yield* settle
      assert.strictEqual(yield* b.get(1), "anna")
    }))

  test("forgets everything for keys that it cannot decode, with one line in the log", (network) =>
    Effect.gen(function* () {
      const store = new Map([[1, "ann"]])
      const Later = Schema.Struct({ id: Schema.Int, shop: Schema.String }).pipe(
        Schema.decodeTo(User, {
          decode: SchemaGetter.passthrough({ strict: false }),
          encode: SchemaGetter.passthrough({ strict: false }),
        }),
      )
      const lines: Array<string> = []
      const a = yield* start(network, "a", store)
      const b = yield* start(network, "b", store, { key: Later, lines })
      yield* b.linked(1)
      yield* settle
      for (const name of ["anna", "anne"]) {
        yield* b.get(1)
        store.set(1, name)
        yield* a.peers.invalidate({ id: 1 })
        yield* settle
        assert.strictEqual(yield* b.get(1), name)
      }
      const warnings = lines.filter((line) =>
        line.includes(`the cache "names" cannot decode the key {"id":1} of a peer`),
      )
      assert.strictEqual(warnings.length, 1, lines.join("\n"))
    }))
})
