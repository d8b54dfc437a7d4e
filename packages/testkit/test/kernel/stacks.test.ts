import { assert, describe, it } from "@effect/vitest"
import * as Stacks from "../../src/kernel/stacks.ts"

describe("Stacks", () => {
  it("are left out within the function, and are there again afterwards, also when it throws", () => {
    const frames = () => (new Error("where?").stack ?? "").split("\n").length
    assert.strictEqual(Stacks.withoutStacks(frames), 1)
    assert.isAbove(frames(), 1)
    assert.throws(() =>
      Stacks.withoutStacks(() => {
        throw new Error("a bug")
      }),
    )
    assert.isAbove(frames(), 1)
  })

  it("show the line of the program that called", () => {
    assert.include(Stacks.callSite() ?? "", "stacks.test.ts")
  })

  it("know that the caller is not Effect's hash", () => {
    const caller = () => Stacks.isHashing()
    assert.isFalse(caller())
  })
})
