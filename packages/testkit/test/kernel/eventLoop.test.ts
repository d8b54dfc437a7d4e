import { assert, describe, it } from "@effect/vitest"
import * as EventLoop from "../../src/kernel/eventLoop.ts"

describe("The event loop", () => {
  it("runs promise callbacks inside of a task", async () => {
    const seen: Array<string> = []
    // Inside of a promise callback, further callbacks would wait for its end.
    await new Promise<void>((resolve) => EventLoop.inNextTurn(resolve))
    await new Promise<void>((resolve) =>
      EventLoop.inNextTurn(() => {
        Promise.resolve().then(() => seen.push("promise"))
        EventLoop.runMicrotasks()
        seen.push("after the pump")
        resolve()
      }),
    )
    assert.deepStrictEqual(seen, ["promise", "after the pump"])
  })
})
