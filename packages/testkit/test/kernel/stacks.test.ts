import { assert, describe, it } from "@effect/vitest"
import * as Stacks from "../../src/kernel/stacks.ts"

describe("Stacks", () => {
  it("are absent within the function, and present again afterwards, also if it throws", () => {
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

  it("have the line of the calling program", () => {
    assert.include(Stacks.callSite() ?? "", "stacks.test.ts")
  })

  it("know that the caller is not Effect's hash", () => {
    const caller = () => Stacks.isHashing()
    assert.isFalse(caller())
  })
})
