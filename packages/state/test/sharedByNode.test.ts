import { Cluster } from "@coterie/core/Cluster"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as World from "../../core/test/cluster/world.ts"
import { sharedByNode } from "../src/internal/sharedByNode.ts"

/** A value that is opened and closed, which both take time, and that fails if it is open already. */
const exclusive = () => {
  const log: Array<string> = []
  let isOpen = false
  const value = Effect.acquireRelease(
    Effect.gen(function* () {
      if (isOpen) return yield* Effect.fail("open already")
      isOpen = true
      yield* Effect.sleep("1 second")
      log.push("opened")
      return log.length
    }),
    () =>
      Effect.map(Effect.sleep("1 second"), () => {
        isOpen = false
        log.push("closed")
      }),
  )
  return { log, value }
}

describe("a value that the users on a node share", () => {
  World.simulated("is made by the first user, and closed with the scope of the last", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const { log, value } = exclusive()
      const shared = sharedByNode(value)
      const ofA = Effect.provideService(shared, Cluster, a.cluster)
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      const values = yield* Effect.all([Scope.provide(ofA, first), Scope.provide(ofA, second)], { concurrency: 2 })
      assert.deepStrictEqual(values, [1, 1])
      assert.strictEqual(
        yield* Effect.flip(Effect.scoped(Effect.provideService(shared, Cluster, b.cluster))),
        "open already",
      )
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(yield* Effect.scoped(ofA), 1)
      yield* Scope.close(second, Exit.void)
      assert.deepStrictEqual(log, ["opened", "closed"])
    }),
  )

  World.simulated("is made again only after the one before is closed", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const { log, value } = exclusive()
      const shared = Effect.provideService(sharedByNode(value), Cluster, a.cluster)
      const first = yield* Scope.make()
      yield* Scope.provide(shared, first)
      const closing = yield* Effect.forkScoped(Scope.close(first, Exit.void))
      yield* Effect.sleep("500 millis")
      yield* Effect.scoped(shared)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(log, ["opened", "closed", "opened", "closed"])
    }),
  )

  World.simulated("is made in the context of the user that makes it, also after a failure", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      const Setting = Context.Reference<string>("test/Setting", { defaultValue: () => "none" })
      const checked = Effect.flatMap(Effect.service(Setting), (setting) =>
        setting === "bad" ? Effect.fail("bad setting") : Effect.succeed(setting),
      )
      const shared = Effect.provideService(sharedByNode(checked), Cluster, a.cluster)
      const made = (setting: string) => Effect.scoped(Effect.provideService(shared, Setting, setting))
      assert.strictEqual(yield* Effect.flip(made("bad")), "bad setting")
      assert.strictEqual(yield* made("first"), "first")
      assert.strictEqual(yield* made("second"), "second")
    }),
  )
})
