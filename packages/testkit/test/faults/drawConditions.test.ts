import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { drawConditions } from "../../src/faults/drawConditions.ts"
import * as FaultPlan from "../../src/FaultPlan.ts"

const swarm = (input: unknown): FaultPlan.Swarm["swarm"] => {
  const plan = Result.getOrThrow(FaultPlan.decode({ swarm: input }))
  assert("swarm" in plan)
  return plan.swarm
}

const everything = {
  off: 0,
  network: {
    delay: {},
    distance: { uniform: ["0 millis", "50 millis"] },
    loss: { uniform: [0, 0.3] },
    bandwidth: { logUniform: [10_000, 1_000_000] },
    queue: { logUniform: [1_000, 9_000] },
    split: { uniform: [0, 1] },
    sendBuffer: { logUniform: [1_000, 9_000] },
  },
}

describe("drawConditions", () => {
  it("draws valid conditions for every seed", () => {
    for (let seed = 0; seed < 100; seed++) {
      const network = drawConditions(swarm(everything), seed)
      assert.sameMembers(Object.keys(network), Object.keys(everything.network))
    }
  })

  it("draws the same conditions for the same seed, and others for another seed", () => {
    assert.deepStrictEqual(drawConditions(swarm(everything), 1), drawConditions(swarm(everything), 1))
    assert.notDeepEqual(drawConditions(swarm(everything), 1), drawConditions(swarm(everything), 2))
  })

  it("does not change a condition when another one is switched off", () => {
    const { delay: _, ...others } = everything.network
    const { delay, ...expected } = drawConditions(swarm(everything), 7)
    assert.isDefined(delay)
    assert.deepStrictEqual(drawConditions(swarm({ off: 0, network: others }), 7), expected)
  })

  it("leaves each condition out of about as many seeds as `off` says", () => {
    const half = swarm({ ...everything, off: 0.5 })
    const seeds = Array.from({ length: 400 }, (_, seed) => drawConditions(half, seed))
    for (const kind of ["delay", "distance", "loss", "bandwidth", "split", "sendBuffer"]) {
      assert.closeTo(seeds.filter((network) => kind in network).length, 200, 50, kind)
    }
  })

  it("draws a queue only with a bandwidth", () => {
    const half = swarm({ ...everything, off: 0.5 })
    for (let seed = 0; seed < 100; seed++) {
      const { bandwidth, queue } = drawConditions(half, seed)
      assert.strictEqual(bandwidth === undefined, queue === undefined)
    }
  })
})
