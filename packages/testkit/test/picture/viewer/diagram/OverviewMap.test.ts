import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { OverviewMap } from "../../../../src/picture/viewer/diagram/OverviewMap.ts"
import { svgElement } from "../../../../src/picture/viewer/dom.ts"
import { fault, log } from "../../traces.ts"
import { drawingOf, view } from "../drawing.ts"
import { attributesOf, useFakeDocument } from "../fakeDocument.ts"

const events: ReadonlyArray<Event> = [
  ...Array.from({ length: 30 }, (_, index) => log(index * 1000, "a")),
  fault(30_000, 0, "began", ["a", "b"]),
  ...Array.from({ length: 30 }, (_, index) => log(31_000 + index * 1000, "b")),
  { _tag: "Failed", at: 62_000, text: "" },
]

describe("OverviewMap", () => {
  useFakeDocument()

  const make = () => {
    const { model } = drawingOf(events)
    const svg = svgElement("svg")
    return { model, svg, map: new OverviewMap(svg, model) }
  }

  it("frames the visible part", () => {
    const { map, model, svg } = make()
    const { height } = model.timeline
    map.draw({ ...view, top: height / 2 }, 400, height / 4)
    assert.closeTo(Number(attributesOf(svg, "window", "y")[0]), 200.5, 1)
    assert.closeTo(Number(attributesOf(svg, "window", "height")[0]), 99, 1)
    map.draw({ ...view, top: height - 0.1 }, 400, height / 4)
    assert.strictEqual(Number(attributesOf(svg, "window", "height")[0]), 6)
  })

  it("draws faults and the failure at their time", () => {
    const { map, model, svg } = make()
    map.draw(view, 400, 10)
    const scale = 400 / model.timeline.height
    assert.strictEqual(Number(attributesOf(svg, "fault cut", "y")[0]), Math.round((model.faults[0]?.top ?? 0) * scale))
    assert.strictEqual(attributesOf(svg, "failure-line", "d").length, 1)
  })

  it("draws the past of the selection over all events", () => {
    const { map, svg } = make()
    map.draw(view, 400, 10)
    const [all] = attributesOf(svg, "bars", "d")
    assert.match(all ?? "", /^M12 \d+h[\d.]+M/)
    assert.deepStrictEqual(attributesOf(svg, "bars inside", "d"), [""])
    const past = events.map((_, event) => event < 10)
    map.draw({ ...view, past }, 400, 10)
    const [inside = ""] = attributesOf(svg, "bars inside", "d")
    assert.notStrictEqual(inside, "")
    assert.isBelow(inside?.length ?? 0, all?.length ?? 0)
    assert.strictEqual(attributesOf(svg, "bars dim", "d").length, 1)
  })

  it("maps positions to rows", () => {
    const { map, model } = make()
    assert.strictEqual(map.rowAt(200, 400), model.timeline.height / 2)
    assert.strictEqual(map.rowAt(0, 0), 0)
  })
})
