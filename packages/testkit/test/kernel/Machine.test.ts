import { assert, describe, it } from "@effect/vitest"
import { Machine } from "../../src/kernel/Machine.ts"

describe("Machine", () => {
  it("measures true time at first", () => {
    const machine = new Machine("a", 0)
    assert.deepStrictEqual([machine.elapsed(0), machine.elapsed(1_000)], [0, 1_000])
  })

  it("continues from the current time of its clock when the rate changes", () => {
    const machine = new Machine("a", 0)
    machine.setRate(1_000, 2)
    assert.strictEqual(machine.elapsed(1_000), 1_000)
    assert.strictEqual(machine.elapsed(1_500), 2_000)
    machine.setRate(1_500, 0.5)
    assert.strictEqual(machine.elapsed(2_500), 2_500)
  })

  it("separates a wall clock that was set from the elapsed time", () => {
    const machine = new Machine("a", 0)
    machine.offset = 9_000
    assert.strictEqual(machine.elapsed(1_000), 1_000)
  })
})
