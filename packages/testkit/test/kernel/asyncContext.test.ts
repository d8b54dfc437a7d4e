import { assert, describe, it } from "@effect/vitest"
import { asyncContext } from "../../src/kernel/asyncContext.ts"

describe("asyncContext", () => {
  it("has its value only during the call and in its promise callbacks", async () => {
    const context = asyncContext<string>()
    const seen: Array<string | undefined> = [context.current()]
    const done = new Promise<void>((resolve) => {
      context.run("a", () => {
        seen.push(context.current())
        void Promise.resolve().then(() => {
          seen.push(context.current())
          resolve()
        })
      })
    })
    context.run("b", () => seen.push(context.current()))
    seen.push(context.current())
    await done
    assert.deepStrictEqual(seen, [undefined, "a", "b", undefined, "a"])
  })
})
