import { assert, describe, it } from "@effect/vitest"
import { NodeStates } from "../../src/faults/NodeStates.ts"

const make = (spare: number): NodeStates => {
  const nodes = new NodeStates(spare)
  nodes.update([
    { name: "a", state: "up" },
    { name: "b", state: "up" },
    { name: "c", state: "paused" },
    { name: "d", state: "down" },
  ])
  return nodes
}

describe("NodeStates", () => {
  it("lists the nodes in some states", () => {
    const nodes = make(0)
    assert.deepStrictEqual(nodes.in("up"), ["a", "b"])
    assert.deepStrictEqual(nodes.in("paused", "down"), ["c", "d"])
  })

  it("lists a node that is up as expendable only while enough others are up", () => {
    assert.deepStrictEqual(make(1).expendable("up", "paused"), ["a", "b", "c"])
    assert.deepStrictEqual(make(2).expendable("up", "paused"), ["c"])
  })

  it("counts the faults of the same time", () => {
    const nodes = make(1)
    nodes.set("a", "down")
    assert.deepStrictEqual(nodes.expendable("up"), [])
  })

  it("forgets the states of the previous time, and keeps clocks and slow-downs", () => {
    const nodes = make(0)
    nodes.offsets.set("a", 5)
    nodes.slowUntil.set("a", 9)
    nodes.update([{ name: "a", state: "down" }])
    assert.deepStrictEqual([nodes.in("up"), nodes.in("down")], [[], ["a"]])
    assert.deepStrictEqual([nodes.offsets.get("a"), nodes.slowUntil.get("a")], [5, 9])
  })
})
