import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { DialRenderer } from "../../../../src/picture/viewer/diagram/DialRenderer.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, useFakeDocument } from "../fakeDocument.ts"

const change = (at: number, connection: number, state: "dialed" | "accepted" | "refused"): Event => ({
  _tag: "Connection",
  at,
  connection,
  from: "a",
  to: "b",
  state,
})

describe("DialRenderer", () => {
  useFakeDocument()

  const draw = (changes: Partial<View> = {}): number => {
    const drawing = drawingOf([
      change(0, 1, "dialed"),
      change(1, 2, "dialed"),
      change(2, 1, "accepted"),
      change(3, 2, "refused"),
    ])
    new DialRenderer(drawing.model, drawing.layers).draw(drawing.viewport(changes))
    return attributesOf(drawing.svg, "dial", "d").length
  }

  it("draws a line from a dial to its acceptance, and no line for a refused dial", () => {
    assert.strictEqual(draw(), 1)
  })

  it("does not draw connections that are outside of the view or hidden", () => {
    assert.strictEqual(draw({ top: 20 }), 0)
    assert.strictEqual(draw({ hidden: new Set(["connections"]) }), 0)
  })
})
