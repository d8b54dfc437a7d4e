import type { Event, PictureOptions } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { element } from "../../../../src/picture/viewer/dom.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { drawBanner } from "../../../../src/picture/viewer/panels/banner.ts"
import { log, traceOf } from "../../traces.ts"
import { click, findAll, textsOf, useFakeDocument } from "../fakeDocument.ts"

const failed: Event = { _tag: "Failed", at: 2_000_000, text: "two leaders" }

describe("the banner", () => {
  useFakeDocument()

  const draw = (
    events: ReadonlyArray<Event>,
    options: PictureOptions = {},
    showFailure: (failure: number) => void = () => {},
    skipped = 0,
  ) => {
    const root = element("header", "")
    drawBanner(root, new TraceModel({ ...traceOf(events), skipped }), options, showFailure)
    return root
  }

  it("contains the scenario, the length of the trace, and the number of missing events", () => {
    const root = draw([log(0, "a"), log(2_000_000, "a")], { title: "storm" }, () => {}, 1_200)
    assert.deepStrictEqual(textsOf(root, "title"), [
      "stormtest · seed 1 · 3 nodes · 2 events · 2 s of virtual time · without the first 1,200 events",
    ])
  })

  it("shows the failure of the options, or of the trace if there is none", () => {
    assert.deepStrictEqual(textsOf(draw([failed]), "failure"), ["Failedtwo leaders"])
    const root = draw([failed], { failure: "no leader\nat step 3\nat step 4" })
    assert.deepStrictEqual(textsOf(root, "failure"), ["Failedno leader"])
    assert.deepStrictEqual(textsOf(root, "more"), ["at step 3\nat step 4"])
  })

  it("has no report without a failure", () => {
    assert.deepStrictEqual(findAll(draw([log(0, "a")]), "report"), [])
  })

  it("shows the faults that remain, even without a failure", () => {
    const root = draw([log(0, "a")], { sentences: ["c crashes", "the vote is lost"] })
    assert.deepStrictEqual(textsOf(root, "story"), ["What it takesc crashesthe vote is lost"])
    assert.deepStrictEqual(findAll(root, "bad"), [])
  })

  it("shows the failure in the diagram", () => {
    const shown: Array<number> = []
    const root = draw([log(0, "a"), failed], { replay: "coterie-sim replay x.json" }, (event) => void shown.push(event))
    assert.deepStrictEqual(textsOf(root, "plain"), ["Copy", "Show causes"])
    click(findAll(root, "plain")[1])
    assert.deepStrictEqual(shown, [1])
  })
})
