import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { element } from "../../../../src/picture/viewer/dom.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { drawLandmarks } from "../../../../src/picture/viewer/panels/LandmarkList.ts"
import { fault, log, traceOf } from "../../traces.ts"
import { click, findAll, textsOf, useFakeDocument } from "../fakeDocument.ts"

describe("the list of landmarks", () => {
  useFakeDocument()

  const draw = (events: ReadonlyArray<Event>, jump: (event: number) => void = () => undefined) => {
    const root = element("div", "")
    drawLandmarks(root, new TraceModel(traceOf(events)), jump)
    return root
  }

  it("has a button with the time for each, and jumps to the clicked one", () => {
    const jumps: Array<number> = []
    const note: Event = { _tag: "Note", at: 1_500_000, kind: "note", text: "the cut begins" }
    const root = draw([log(0, "a"), note, fault(2_000_000, 0, "began", ["a", "b"])], (event) => jumps.push(event))
    assert.deepStrictEqual(textsOf(root, "landmark"), ["1.500000the cut begins", "2.000000fault: fault 0"])
    click(findAll(root, "landmark")[1])
    assert.deepStrictEqual(jumps, [2])
  })

  it("shows the last ones of very many, and the number of earlier ones", () => {
    const notes = Array.from({ length: 230 }, (_, at): Event => ({
      _tag: "Note",
      at,
      kind: "note",
      text: `note ${at}`,
    }))
    const root = draw(notes)
    assert.lengthOf(findAll(root, "landmark"), 200)
    assert.include(textsOf(root, "landmark")[0] ?? "", "note 30")
    assert.deepStrictEqual(textsOf(root, "quiet"), ["30 earlier events left out"])
  })

  it("is empty if there are none", () => {
    assert.strictEqual(draw([log(0, "a")]).childElementCount, 0)
  })
})
