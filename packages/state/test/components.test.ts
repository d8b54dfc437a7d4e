import { Cluster } from "@coterie/core/Cluster"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Presence from "@coterie/state/Presence"
import * as SharedValue from "@coterie/state/SharedValue"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as World from "../../core/test/cluster/world.ts"

const open = (node: World.Node) =>
  Effect.provideService(
    Effect.all({
      map: OwnedMap.make("jobs", { key: Schema.String, value: Schema.Finite }),
      users: Presence.make("users", { value: Schema.Finite }),
      level: SharedValue.make("level", { value: Schema.Finite, initial: 0 }),
    }),
    Cluster,
    node.cluster,
  )

World.simulated(
  "a node shows the sizes of its maps, presences and values, without contents, until they close",
  (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const scope = yield* Scope.make()
      const here = yield* Scope.provide(open(a), scope)
      const there = yield* open(b)
      yield* here.map.set("x", 1)
      yield* there.map.set("y", 22)
      yield* there.map.set("z", 3)
      yield* there.users.track("ann", 1)
      yield* there.level.set(5)
      yield* Effect.sleep("1 second")
      const shown = yield* a.cluster.components.describe
      assert.deepStrictEqual(
        shown.map(({ kind, name }) => `${kind} ${name}`),
        ["map coterie/values", "map jobs", "map presence/users", "presence users", "values coterie/values"],
      )
      assert.deepStrictEqual(shown[1], {
        kind: "map",
        name: "jobs",
        facts: { ownEntries: 1, ownBytes: 2, otherEntries: 2, otherBytes: 5, behind: 0 },
        rows: [{ peer: "b", state: "live", entries: 2, bytes: 5, behind: 0 }],
      })
      assert.deepStrictEqual(shown[3]?.facts, { keys: 1, leaving: 0 })
      const [row] = shown[4]?.rows ?? []
      assert.deepStrictEqual(shown[4]?.facts, { values: 1, limit: 1_024 })
      assert.deepStrictEqual([row?.["value"], row?.["by"], row?.["bytes"], row?.["publishers"]], ["level", "b", 1, 2])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* a.cluster.components.describe, [])
      yield* Effect.sleep("2 seconds")
      const [, jobs] = yield* b.cluster.components.describe
      assert.deepStrictEqual(jobs?.rows, [{ peer: "a", state: "absent", entries: 0, bytes: 0 }])
    }),
)
