import { assert, describe, it } from "@effect/vitest"
import { Life } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"
import { TimerCount } from "../../src/kernel/TimerCount.ts"

describe("TimerCount", () => {
  it("counts a timer once, however often it is set", () => {
    const life = new Life(new Machine("a", 0), 1)
    const [first, second] = [new TimerCount(life), new TimerCount(life)]
    first.set(true)
    first.set(true)
    second.set(true)
    assert.strictEqual(life.timers, 2)
    first.set(false)
    first.set(false)
    assert.strictEqual(life.timers, 1)
    first.set(true)
    assert.strictEqual(life.timers, 2)
  })

  it("does not count a timer before it is set", () => {
    const life = new Life(new Machine("a", 0), 1)
    new TimerCount(life).set(false)
    assert.strictEqual(life.timers, 0)
  })
})
