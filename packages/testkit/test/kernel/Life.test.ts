import { assert, describe, it } from "@effect/vitest"
import { Life } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"

describe("Life", () => {
  it("is alive and runs nothing when it starts", () => {
    const life = new Life(new Machine("a", 0), 1)
    assert.isTrue(life.alive)
    assert.deepStrictEqual([life.fibers, life.timers, life.opsLeft, life.preemptAt], [0, 0, 0, 0])
  })

  it("shares only its machine with the next life of the node", () => {
    const machine = new Machine("a", 0)
    const [first, second] = [new Life(machine, 1), new Life(machine, 2)]
    first.alive = false
    first.fibers = 3
    assert.strictEqual(second.machine, first.machine)
    assert.deepStrictEqual([second.number, second.alive, second.fibers], [2, true, 0])
  })
})
