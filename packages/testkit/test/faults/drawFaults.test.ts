import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as FaultPlan from "../../src/FaultPlan.ts"
import { kindsOf } from "../../src/faults/drawFaults.ts"
import { type NodeState, NodeStates } from "../../src/faults/NodeStates.ts"
import * as Prng from "../../src/kernel/Prng.ts"

type Encoded = (typeof FaultPlan.Swarm.Encoded)["swarm"]["faults"]
type Fault = FaultPlan.Fault

const swarmOf = (faults: Encoded): FaultPlan.Swarm["swarm"] => {
  const plan = Result.getOrThrow(FaultPlan.decode({ swarm: { faults } }))
  return "swarm" in plan ? plan.swarm : assert.fail("it is a swarm")
}

const statesOf = (nodes: { readonly [name: string]: NodeState["state"] }, spare = 0): NodeStates => {
  const states = new NodeStates(spare)
  states.update(Object.entries(nodes).map(([name, state]) => ({ name, state })))
  return states
}

/** Returns a function that draws the faults of the only kind of a swarm at a time. */
const drawing = (faults: Encoded, nodes: NodeStates, seed = 1): ((at?: number) => ReadonlyArray<Fault>) => {
  const random = Prng.make(seed, "faults")
  const [kind, ...others] = kindsOf(swarmOf(faults))
  assert.deepStrictEqual(others, [])
  return (at = 0) => kind?.make({ at, random, nodes }) ?? []
}

const seeds = Array.from({ length: 40 }, (_, seed) => seed)

describe("the kinds of a swarm", () => {
  it("are its configured kinds, always in one order", () => {
    const { faults } = FaultPlan.swarm.swarm
    const kinds = (of: Encoded) => kindsOf(swarmOf(of)).map(({ kind }) => kind)
    assert.deepStrictEqual(kinds({ drift: {}, crash: {}, partition: {} }), ["partition", "crash", "drift"])
    assert.sameMembers(kinds(faults), Object.keys(faults ?? {}))
  })
})

describe("a drawn fault", () => {
  it("between two nodes has different nodes that are not down, in both directions", () => {
    for (const faults of [{ clog: {} }, { reset: {} }, { halfOpen: {} }]) {
      const seen = new Set<string>()
      for (const seed of seeds) {
        const [fault, ...more] = drawing(faults, statesOf({ a: "up", b: "paused", c: "down" }), seed)(5)
        assert.deepStrictEqual(more, [])
        if (fault !== undefined && "to" in fault) seen.add(`${String(fault.from)}>${String(fault.to)} at ${fault.at}`)
      }
      assert.deepStrictEqual([...seen].sort(), ["a>b at 5", "b>a at 5"])
    }
  })

  it("does not exist if there are too few nodes for it", () => {
    const one = () => statesOf({ a: "up", b: "down" })
    for (const faults of [{ clog: {} }, { reset: {} }, { halfOpen: {} }, { swizzle: {} }]) {
      assert.deepStrictEqual(drawing(faults, one())(), [])
    }
    const none = () => statesOf({ b: "down" })
    for (const faults of [{ crash: {} }, { stop: {} }, { pause: {} }, { slow: {} }, { clock: {} }, { drift: {} }]) {
      assert.deepStrictEqual(drawing(faults, none())(), [])
    }
  })

  it("takes nodes down only while more than the spared nodes are up", () => {
    for (const [faults, state] of [
      [{ crash: {} }, "down"],
      [{ stop: {} }, "down"],
      [{ pause: {} }, "paused"],
    ] as const) {
      const nodes = statesOf({ a: "up", b: "up" }, 1)
      const draw = drawing(faults, nodes)
      assert.lengthOf(draw(), 1)
      assert.deepStrictEqual([nodes.in("up").length, nodes.in(state).length], [1, 1])
      assert.deepStrictEqual(draw(), [])
    }
  })

  it("may crash a paused node, and neither stops nor pauses it", () => {
    const nodes = () => statesOf({ a: "paused" })
    assert.lengthOf(drawing({ crash: {} }, nodes())(), 1)
    assert.deepStrictEqual(drawing({ stop: {} }, nodes())(), [])
    assert.deepStrictEqual(drawing({ pause: {} }, nodes())(), [])
  })

  it("has the key silent only for a silent crash", () => {
    const crash = (silent: number) => drawing({ crash: { silent } }, statesOf({ a: "up" }))()[0]
    assert.propertyVal(crash(1), "silent", true)
    assert.notProperty(crash(0), "silent")
  })

  it("isolates half of the nodes one by one in the first half of a swizzle, and brings them back in the second", () => {
    for (const seed of seeds) {
      const [fault] = drawing({ swizzle: {} }, statesOf({ a: "up", b: "up", c: "paused", d: "down" }), seed)()
      if (fault?.kind !== "swizzle") return assert.fail("a swizzle was drawn")
      const half = Math.floor(fault.for / 2)
      assert.lengthOf(fault.nodes, 2)
      assert.notInclude(
        fault.nodes.map(({ node }) => node),
        "d",
      )
      for (const { from, to } of fault.nodes) {
        assert.isBelow(from, half)
        assert.isAtLeast(to, half)
        assert.isBelow(to, fault.for)
      }
    }
  })

  it("does not slow a node that is still slow", () => {
    const draw = drawing({ slow: {} }, statesOf({ a: "up" }))
    const [first] = draw(100)
    if (first?.kind !== "slow") return assert.fail("a node became slow")
    assert.isAtLeast(first.task, 1)
    assert.deepStrictEqual(draw(100 + first.for - 1), [])
    assert.lengthOf(draw(100 + first.for), 1)
  })

  it("keeps a clock within its range, however often it jumps", () => {
    const draw = drawing({ clock: { upTo: "100 micros" } }, statesOf({ a: "up" }))
    let offset = 0
    let largest = 0
    for (let i = 0; i < 200; i++) {
      for (const fault of draw()) if (fault.kind === "clock") offset += fault.by
      largest = Math.max(largest, Math.abs(offset))
    }
    assert.isAtMost(largest, 100)
    assert.isAtLeast(largest, 80)
  })

  it("lets a clock run faster or slower within the range, in whole parts in a million", () => {
    const ppms = seeds.flatMap((seed) =>
      drawing({ drift: { upTo: 2.5 } }, statesOf({ a: "up" }), seed)().map((fault) =>
        fault.kind === "drift" ? fault.ppm : assert.fail("a drift was drawn"),
      ),
    )
    assert.deepStrictEqual(
      [...new Set(ppms)].sort((a, b) => a - b),
      [-2, -1, 0, 1, 2],
    )
  })
})
