import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { withFiberIds } from "../../src/kernel/fiberIds.ts"

const Owner = Context.Reference<number>("test/Owner", { defaultValue: () => 7 })

const setter = () => Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Effect.runFork(Effect.void)), "id")?.set

describe("the ids of fibers", () => {
  it("are those of Effect outside of a simulation", () => {
    const [first, second] = [Effect.runFork(Effect.void), Effect.runFork(Effect.void)]
    assert.strictEqual(second.id, first.id + 1)
    const { value: _, ...property } = Object.getOwnPropertyDescriptor(first, "id") ?? {}
    assert.deepStrictEqual(property, { configurable: true, enumerable: true, writable: true })
  })

  it("come from the simulation inside, by the context of the fiber, and from Effect again afterwards", () => {
    const seen: Array<number> = []
    const ids = (context: Context.Context<never>): number => {
      seen.push(Context.get(context, Owner))
      return 100 + seen.length
    }
    const before = Effect.runFork(Effect.void).id
    const inside = withFiberIds(ids, () => Effect.runForkWith(Context.make(Owner, 3))(Effect.void))
    assert.strictEqual(inside.id, 101)
    assert.deepStrictEqual(seen, [3])
    assert.strictEqual(Object.keys(inside).filter((key) => key === "id").length, 1)
    assert.throws(() =>
      withFiberIds(ids, () => {
        throw new Error("a bug")
      }),
    )
    // Effect counts the fibers of the simulation as well.
    assert.strictEqual(Effect.runFork(Effect.void).id, before + 2)
  })

  it("change without a change of the prototype, which would discard the optimized code of Effect", () => {
    const outside = setter()
    assert.isFunction(outside)
    assert.strictEqual(
      withFiberIds(() => 1, setter),
      outside,
    )
    assert.strictEqual(setter(), outside)
  })
})
