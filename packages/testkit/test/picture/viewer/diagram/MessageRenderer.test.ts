import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { MessageRenderer } from "../../../../src/picture/viewer/diagram/MessageRenderer.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { arrived, sent } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, textsOf, useFakeDocument } from "../fakeDocument.ts"

describe("MessageRenderer", () => {
  useFakeDocument()

  const draw = (events: ReadonlyArray<Event>, changes: Partial<View> = {}) => {
    const drawing = drawingOf(events)
    const renderer = new MessageRenderer(drawing.model, drawing.layers, drawing.targets)
    for (const [number, message] of drawing.model.messages.entries()) {
      renderer.draw(number, message, drawing.viewport(changes), drawing.occupied)
    }
    return drawing
  }
  const send = sent(0, 1, "a", "b", "Vote")

  it("draws an arrow with a head for a message that arrives", () => {
    const { svg } = draw([send, arrived(1, 1)])
    assert.deepStrictEqual(attributesOf(svg, "message arrived k0", "data-sent"), ["0"])
    assert.strictEqual(attributesOf(svg, "arrowhead", "d").length, 1)
    assert.deepStrictEqual(attributesOf(svg, "target", "data-event"), ["0", "1"])
    // The layer also has the class.
    assert.deepStrictEqual(attributesOf(svg, "touch", "data-event"), [null, "1"])
  })

  it("draws a cross for a dropped message, and an open end for a message in transit", () => {
    const dropped = draw([send, { _tag: "Dropped", at: 1, id: 1, why: "" }]).svg
    assert.strictEqual(attributesOf(dropped, "message dropped", "d").length, 1)
    assert.strictEqual(attributesOf(dropped, "cross", "d").length, 1)
    assert.deepStrictEqual(attributesOf(dropped, "target", "data-event"), ["0", "1"])
    const inTransit = draw([send]).svg
    assert.strictEqual(attributesOf(inTransit, "message flying", "d").length, 1)
    assert.strictEqual(attributesOf(inTransit, "open", "r").length, 1)
    assert.deepStrictEqual(attributesOf(inTransit, "target", "data-event"), ["0"])
  })

  it("draws losses next to each other, with their number", () => {
    const lost = (times: number): Event => ({ _tag: "Lost", at: 0, id: 1, times })
    const { svg } = draw([send, lost(1), lost(3), arrived(1, 1)])
    assert.strictEqual(new Set(attributesOf(svg, "glyph lost", "transform")).size, 2)
    assert.deepStrictEqual(textsOf(svg, "times"), ["×3"])
    assert.sameMembers([...attributesOf(svg, "target", "data-event")], ["0", "1", "2", "3"])
  })

  it("highlights the events in the past of the selection", () => {
    const { svg } = draw([send, arrived(1, 1)], { past: [true, false], selected: 0 })
    assert.strictEqual(attributesOf(svg, "tail in selected", "d").length, 1)
    assert.strictEqual(attributesOf(svg, "arrowhead in", "d").length, 0)
    assert.strictEqual(attributesOf(svg, "target selected", "r").length, 1)
  })

  it("occupies the marks, so that no label covers them", () => {
    const { occupied, viewport } = draw([send, { _tag: "Dropped", at: 1, id: 1, why: "" }])
    const x = viewport().x(0)
    const y = viewport().yOf(0)
    assert.isFalse(occupied.isFree({ left: x - 1, right: x + 1, top: y - 1, bottom: y + 1 }))
  })
})
