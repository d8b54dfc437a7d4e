import * as PeerPersistedCache from "@coterie/reactivity/PeerPersistedCache"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Persistable from "effect/persistence/Persistable"
import type * as PersistedCache from "effect/persistence/PersistedCache"
import * as Persistence from "effect/persistence/Persistence"
import * as Schema from "effect/Schema"
import { settle, start, test } from "./support.ts"

class Name extends Persistable.Class<{ payload: { readonly user: string } }>()("Name", {
  primaryKey: ({ user }) => user,
  success: Schema.String,
}) {}

class Names extends Context.Service<Names, PersistedCache.PersistedCache<Name>>()("test/Names") {}

describe("PeerPersistedCache", () => {
  test("forgets an overwritten value in the memory of all nodes, and everything after a gap", (network) =>
    Effect.gen(function* () {
      const users = new Map([
        ["ann", "Ann"],
        ["bob", "Bob"],
      ])
      const lookups: Array<string> = []
      // All nodes share the store.
      const shared = Layer.succeedContext(yield* Layer.build(Persistence.layerMemory))
      const layer = Layer.effect(Names)(
        PeerPersistedCache.make(
          ({ user }: Name) =>
            Effect.sync(() => {
              lookups.push(user)
              return users.get(user) ?? ""
            }),
          { storeId: "names", timeToLive: () => "1 hour", inMemoryTTL: () => "1 hour" },
        ),
      ).pipe(Layer.provide(shared))
      const a = yield* start(network, "a", layer)
      const b = yield* start(network, "b", layer)
      yield* b.linked(1)
      yield* settle
      const get = (node: typeof a, user: string) =>
        node.run(Effect.flatMap(Names, (cache) => cache.get(new Name({ user }))))
      const invalidate = (node: typeof a, user: string) =>
        node.run(Effect.flatMap(Names, (cache) => cache.invalidate(new Name({ user }))))

      for (const node of [a, b])
        assert.deepStrictEqual([yield* get(node, "ann"), yield* get(node, "bob")], ["Ann", "Bob"])
      assert.deepStrictEqual(lookups.splice(0), ["ann", "bob"])

      users.set("ann", "Anna").set("bob", "Bobby")
      yield* invalidate(a, "ann")
      yield* settle
      assert.deepStrictEqual([yield* get(b, "ann"), yield* get(b, "bob")], ["Anna", "Bob"])
      assert.deepStrictEqual(lookups.splice(0), ["ann"])

      yield* network.partition(["a"], ["b"])
      yield* b.linked(0)
      yield* a.linked(0)
      yield* invalidate(a, "bob")
      yield* network.heal
      yield* b.linked(1)
      yield* settle
      // The memory is empty, and the store still has the value of the key that was not invalidated.
      assert.deepStrictEqual([yield* get(b, "ann"), yield* get(b, "bob")], ["Anna", "Bobby"])
      assert.deepStrictEqual(lookups, ["bob"])
    }))
})
