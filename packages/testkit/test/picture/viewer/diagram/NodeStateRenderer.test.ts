import { assert, describe, it } from "@effect/vitest"
import { NodeStateRenderer } from "../../../../src/picture/viewer/diagram/NodeStateRenderer.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { log, node } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, findAll, useFakeDocument } from "../fakeDocument.ts"

const events = [
  node(0, "a", "starting"), // 0
  node(1, "a", "running"), // 1
  log(2, "b"), // 2
  node(3, "a", "crashed"), // 3
  log(4, "b"), // 4
  node(5, "a", "starting"), // 5
]

describe("NodeStateRenderer", () => {
  useFakeDocument()

  const draw = (changes: Partial<View> = {}) => {
    const drawing = drawingOf(events)
    new NodeStateRenderer(drawing.model, drawing.layers).draw(drawing.viewport(changes))
    return drawing
  }

  it("draws working states as lines, and idle ones as bars", () => {
    const tags = (className: string) => findAll(draw().svg, className).map(({ tagName }) => tagName)
    assert.deepStrictEqual(tags("state running"), ["path", "path", "path"])
    assert.deepStrictEqual(tags("state crashed"), ["rect"])
  })

  it("draws only states and lanes in the view", () => {
    assert.deepStrictEqual(attributesOf(draw({ top: 7.5 }).svg, "state crashed", "x"), [])
    assert.strictEqual(attributesOf(draw({ width: 500, left: 400 }).svg, "state starting", "d").length, 0)
  })

  it("draws the past of the selection down to its last event in each lane", () => {
    const { svg, viewport } = draw({ past: [true, true, true, false, false, false] })
    const ends = attributesOf(svg, "reach", "d").map((d) => Number(d?.split("V")[1]))
    assert.deepStrictEqual(
      ends,
      [1, 2].map((event) => Math.round(viewport().yOf(event) * 10) / 10),
    )
    assert.deepStrictEqual(attributesOf(draw().svg, "reach", "d"), [])
  })
})
