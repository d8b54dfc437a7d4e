import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { landmarksOf } from "../../../../src/picture/viewer/model/landmarks.ts"
import { arrived, fault, log, node, sent } from "../../traces.ts"

const note = (at: number, kind: "note" | "mark" | "history" | "healed"): Event => ({
  _tag: "Note",
  at,
  kind,
  text: kind,
})

describe("landmarks", () => {
  it("are notes, faults, nodes that went down, and the failure, and exclude logs, calls and messages", () => {
    const events = [
      log(0, "a"),
      note(1, "note"),
      note(1, "history"),
      note(2, "mark"),
      note(2, "healed"),
      sent(3, 1, "a", "b"),
      arrived(3, 1),
      fault(4, 0, "began", ["a"]),
      fault(5, 0, "over", ["a"]),
      node(6, "a", "running"),
      node(7, "a", "crashed"),
      { _tag: "Failed", at: 8, text: "" } as const,
    ]
    assert.deepStrictEqual(landmarksOf(events), [1, 3, 4, 7, 8, 10, 11])
  })

  it("contain a crash once if a fault of the plan is its cause", () => {
    const began = fault(4, 0, "began", ["a"])
    assert.deepStrictEqual(landmarksOf([node(4, "a", "crashed"), began]), [1])
    assert.deepStrictEqual(landmarksOf([began, log(4, "b"), node(4, "a", "crashed")]), [0])
    assert.deepStrictEqual(landmarksOf([began, node(4, "b", "crashed")]), [0, 1])
    assert.deepStrictEqual(landmarksOf([began, node(5, "a", "crashed")]), [0, 1])
  })
})
