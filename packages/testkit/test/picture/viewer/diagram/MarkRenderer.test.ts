import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { MarkRenderer } from "../../../../src/picture/viewer/diagram/MarkRenderer.ts"
import { arrived, log, node, sent } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, useFakeDocument } from "../fakeDocument.ts"

const dial = (from: string, to: string): Event => ({
  _tag: "Connection",
  at: 0,
  connection: 1,
  from,
  to,
  state: "dialed",
})

describe("MarkRenderer", () => {
  useFakeDocument()

  const draw = (events: ReadonlyArray<Event>) => {
    const drawing = drawingOf(events)
    const renderer = new MarkRenderer(drawing.model, drawing.layers, drawing.targets)
    for (const [index, event] of events.entries()) renderer.draw(index, event, drawing.viewport(), drawing.occupied)
    return drawing
  }

  it("draws a button around each mark, and no button for messages", () => {
    const { svg } = draw([node(0, "a", "running"), sent(1, 1, "a", "b"), arrived(2, 1), log(3, "b")])
    assert.deepStrictEqual(attributesOf(svg, "target", "data-event"), ["0", "3"])
    assert.strictEqual(attributesOf(svg, "badge", "r").length, 1)
    assert.strictEqual(attributesOf(svg, "glyph", "d").length, 2)
  })

  it("points the icon of a connection to the dialed host", () => {
    const transform = (event: Event) => attributesOf(draw([event]).svg, "glyph", "transform")[0] ?? ""
    assert.notInclude(transform(dial("a", "b")), "scale(-1 1)")
    assert.include(transform(dial("b", "a")), "scale(-1 1)")
  })

  it("draws a line through all lanes for a failure", () => {
    const failed: Event = { _tag: "Failed", at: 0, text: "" }
    assert.strictEqual(attributesOf(draw([failed]).svg, "failure-line", "d").length, 1)
  })
})
