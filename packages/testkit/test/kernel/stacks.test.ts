import { assert, describe, it } from "@effect/vitest"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
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

  it("know the caller of a function", () => {
    const caller = () => Stacks.callerOf(caller)
    assert.strictEqual(caller(), "program")
    assert.strictEqual(Option.getOrThrow(Option.map(Option.some(1), caller)), "allowed")
    let kind: string | undefined
    // Effect takes the hash of a function from `Math.random`.
    const { random } = Math
    const own = (): number => {
      kind = Stacks.callerOf(own)
      return random()
    }
    Math.random = own
    try {
      Hash.hash(() => undefined)
    } finally {
      Math.random = random
    }
    assert.strictEqual(kind, "hash")
  })

  it("leave the way in which other stacks are formatted", () => {
    const { prepareStackTrace, stackTraceLimit } = Error
    Stacks.callSite()
    assert.strictEqual(Error.prepareStackTrace, prepareStackTrace)
    assert.strictEqual(Error.stackTraceLimit, stackTraceLimit)
  })
})
