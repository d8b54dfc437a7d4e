import { assert, describe, it } from "@effect/vitest"
import { eventAt } from "../../../../src/picture/viewer/controls/eventAt.ts"
import { FakeTarget, useFakeTargets } from "./fakeTargets.ts"

describe("the event at a target", () => {
  useFakeTargets()

  it("is the event of the element, or of the nearest element around it", () => {
    const outer = new FakeTarget("7")
    const inner = new FakeTarget(undefined, outer)
    for (const target of [outer, inner]) {
      const found = eventAt(target)
      assert.strictEqual(found?.event, 7)
      assert.isTrue(Object.is(found?.node, outer))
    }
  })

  it("is undefined outside of the events, for an invalid number, and for a target that is not an element", () => {
    assert.isUndefined(eventAt(new FakeTarget()))
    assert.isUndefined(eventAt(new FakeTarget("many")))
    assert.isUndefined(eventAt(new EventTarget()))
    assert.isUndefined(eventAt(null))
  })
})
