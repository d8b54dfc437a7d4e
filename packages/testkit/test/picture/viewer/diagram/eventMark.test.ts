import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { markPriorityOf, markStyleOf, markTextOf } from "../../../../src/picture/viewer/diagram/eventMark.ts"
import { icons } from "../../../../src/picture/viewer/diagram/icons.ts"
import { fault, log, node, samples, sent } from "../../traces.ts"

describe("marks", () => {
  it("have an icon for every event that is not a message", () => {
    const messages = new Set(["Sent", "Arrived", "Lost", "Dropped"])
    for (const event of samples.large.events) {
      const style = markStyleOf(event)
      assert.strictEqual(style === undefined, messages.has(event._tag), event._tag)
      if (style !== undefined) assert.isDefined(icons[style.icon], style.icon)
    }
  })

  it("have the text of their event, unless the lane or the shade of a cut has it", () => {
    const slow: Event = { _tag: "Fault", at: 0, fault: 0, kind: "slow", state: "began", nodes: [], text: "slow" }
    assert.strictEqual(markTextOf(node(0, "a", "crashed")), "crashed")
    assert.strictEqual(markTextOf(log(0, "a")), "x")
    assert.strictEqual(markTextOf(slow), "slow")
    assert.strictEqual(markTextOf({ ...slow, state: "over" }), "")
    assert.strictEqual(markTextOf(fault(0, 0, "began", ["a", "b"])), "")
    assert.strictEqual(markTextOf(sent(0, 1, "a", "b")), "")
  })

  it("are labelled in the order failures, notes, nodes, and others", () => {
    const note: Event = { _tag: "Note", at: 0, kind: "note", text: "" }
    const failed: Event = { _tag: "Failed", at: 0, text: "" }
    assert.deepStrictEqual([failed, note, node(0, "a", "running"), log(0, "a")].map(markPriorityOf), [0, 1, 2, 3])
  })
})
