import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { TimeRenderer } from "../../../../src/picture/viewer/diagram/TimeRenderer.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { log } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, textsOf, useFakeDocument } from "../fakeDocument.ts"

const busy = Array.from({ length: 10 }, (_, index) => log(index * 1000, index % 2 === 0 ? "a" : "b"))
const events: ReadonlyArray<Event> = [...busy, ...busy.map((event) => ({ ...event, at: event.at + 5_000_000 }))]

describe("TimeRenderer", () => {
  useFakeDocument()

  const draw = (changes: Partial<View> = {}) => {
    const drawing = drawingOf(events)
    new TimeRenderer(drawing.model, drawing.layers).draw(drawing.viewport(changes), drawing.occupied)
    return drawing
  }

  it("draws times that do not touch each other, with a line for each", () => {
    const { svg } = draw()
    const positions = attributesOf(svg, "time", "y").map(Number)
    assert.isAbove(positions.length, 5)
    for (const [index, y] of positions.slice(1).entries()) assert.isAtLeast(y - (positions[index] ?? 0), 24 - 0.1)
    assert.strictEqual(attributesOf(svg, "tick", "d").length, positions.length)
    assert.strictEqual(textsOf(svg, "time")[0], "0.000 000")
  })

  it("draws a fold with its length, which times do not cover", () => {
    const { model, svg, viewport } = draw()
    assert.strictEqual(attributesOf(svg, "fold", "d").length, 1)
    assert.deepStrictEqual(textsOf(svg, "fold-text"), ["⋮ 4.99 s"])
    const [fold] = model.timeline.folds
    const middle = viewport().y(((fold?.top ?? 0) + (fold?.bottom ?? 0)) / 2)
    for (const y of attributesOf(svg, "time", "y")) assert.isAtLeast(Math.abs(Number(y) - 3.5 - middle), 14 - 0.1)
  })

  it("does not draw a fold that is too flat, or outside of the view", () => {
    assert.deepStrictEqual(attributesOf(draw({ zoom: 2 }).svg, "fold", "d"), [])
    assert.deepStrictEqual(attributesOf(draw({ top: 20 }).svg, "fold", "d"), [])
  })
})
