import { assert, describe, it } from "@effect/vitest"
import { Isolation } from "../src/internal/Isolation.ts"

const of = (steps: ReadonlyArray<readonly [isolated: boolean, peers: number]>): ReadonlyArray<boolean> => {
  const isolation = new Isolation()
  return steps.map(([isolated, count]) => isolation.update(isolated, count))
}

describe("the isolation of a node", () => {
  it("counts if the node knew more than one member, also after it has called them failed", () => {
    assert.deepStrictEqual(
      of([
        [false, 2],
        [true, 2],
        [true, 0],
        [false, 0],
        [false, 1],
      ]),
      [false, true, true, false, false],
    )
  })

  it("does not count between two nodes, nor alone", () => {
    assert.deepStrictEqual(
      of([
        [false, 2],
        [false, 1],
        [true, 1],
        [true, 0],
      ]),
      [false, false, false, false],
    )
  })
})
