import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Draws from "../../src/kernel/Draws.ts"
import { Kernel } from "../../src/kernel/Kernel.ts"
import { NodeTable, scenarioName } from "../../src/run/NodeTable.ts"
import { type Runtime, SimNode } from "../../src/run/SimNode.ts"

const runtime: Runtime = {
  slowStart: () => ({ micros: 0, over: () => undefined }),
  kernel: new Kernel({
    draws: Draws.seeded(1),
    explore: "fifo",
    timeLimit: 1_000,
    stepsPerInstant: 100,
    afterStep: () => undefined,
    threw: () => undefined,
    runMicrotasks: () => undefined,
  }),
  context: () => Context.empty(),
  transport: () => assert.fail("no node is started"),
  host: () => assert.fail("no node is started"),
  addHost: () => undefined,
  loseConnections: () => undefined,
  losePower: () => undefined,
  fail: () => undefined,
  record: () => undefined,
  stopped: () => undefined,
}

const tableOf = (...names: ReadonlyArray<string>): NodeTable => {
  const table = new NodeTable()
  for (const name of names) table.add(new SimNode<never>(runtime, name, () => Layer.empty))
  return table
}

describe("NodeTable", () => {
  it("keeps the nodes in the order in which they were added", () => {
    assert.deepStrictEqual([...tableOf("c", "a", "b").nodes.keys()], ["c", "a", "b"])
  })

  it("accepts new names that are host names", () => {
    assert.isUndefined(tableOf("a").checkNew(["b", "node-1", "x".repeat(63)]))
  })

  it("refuses invalid names, and the name of the scenario", () => {
    for (const name of ["", "A", "a_b", "-a", "a-", "a.b", "x".repeat(64), scenarioName]) {
      const error = tableOf().checkNew(["ok", name])
      assert.strictEqual(error?.reason, "nodeName", name)
      assert.include(error?.message ?? "", `"${name}" cannot be the name of a node`)
    }
  })

  it("refuses a name that is in use, or that is given twice", () => {
    assert.include(tableOf("a").checkNew(["a"])?.message ?? "", 'a node "a" already exists')
    assert.include(tableOf().checkNew(["b", "b"])?.message ?? "", 'a node "b" already exists')
  })

  it("reports the unknown node, the time, and the existing nodes", () => {
    assert.isUndefined(tableOf("a", "b").checkKnown(["b", "a"], 0))
    assert.strictEqual(
      tableOf("a", "b").checkKnown(["a", "z"], 2_000_000)?.message,
      'there is no node "z" at 2.000 s; the nodes are: a, b',
    )
    assert.include(tableOf().checkKnown(["z"], 0)?.message ?? "", "the nodes are: none")
  })
})
