import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { MarkLabels } from "../../../../src/picture/viewer/diagram/MarkLabels.ts"
import { type Box, OccupancyGrid } from "../../../../src/picture/viewer/diagram/OccupancyGrid.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, textsOf, useFakeDocument } from "../fakeDocument.ts"

const note = (text: string, node = "b"): Event => ({ _tag: "Note", at: 0, node, kind: "note", text })
const everything = { left: -1e4, right: 1e4, top: -1e4, bottom: 1e4 }

describe("MarkLabels", () => {
  useFakeDocument()

  const draw = (event: Event, occupy: ReadonlyArray<Box> = [], arrowBoxes: ReadonlyArray<Box> = []) => {
    const drawing = drawingOf([event])
    const arrows = new OccupancyGrid()
    for (const box of occupy) drawing.occupied.occupy(box)
    for (const box of arrowBoxes) arrows.occupy(box)
    new MarkLabels(drawing.model, drawing.layers).draw(
      0,
      event,
      drawing.viewport({ zoom: 40 }),
      drawing.occupied,
      arrows,
    )
    return drawing
  }
  const xOf = (drawing: ReturnType<typeof draw>): number => Number(attributesOf(drawing.svg, "say", "x")[0])
  const middle = () =>
    drawingOf([note("")])
      .viewport()
      .x(1)

  it("are on the right of their mark", () => {
    const drawing = draw(note("elected"))
    assert.deepStrictEqual(textsOf(drawing.svg, "say note"), ["elected"])
    assert.closeTo(xOf(drawing), middle() + 12, 0.1)
  })

  it("are on the left if the right is occupied", () => {
    const drawing = draw(note("elected"), [{ ...everything, left: middle() }])
    assert.deepStrictEqual(textsOf(drawing.svg, "say note"), ["elected"])
    assert.isBelow(xOf(drawing), middle())
  })

  it("are shortened to their lane if they would cover arrows beyond it", () => {
    const text = "a long story about the election of a leader in a storm"
    assert.deepStrictEqual(textsOf(draw(note(text)).svg, "say note"), [text])
    const [written = ""] = textsOf(draw(note(text), [], [everything]).svg, "say note")
    assert.match(written ?? "", /^a long story .*…$/)
  })

  it("are omitted if there is no room", () => {
    assert.deepStrictEqual(textsOf(draw(note("elected"), [everything]).svg, "say"), [])
    assert.deepStrictEqual(textsOf(draw(note("")).svg, "say"), [])
  })

  it("of a failure are below its line, from the left", () => {
    const drawing = draw({ _tag: "Failed", at: 0, node: "c", text: "two leaders" })
    assert.deepStrictEqual(textsOf(drawing.svg, "say failed"), ["two leaders"])
    assert.isBelow(xOf(drawing), drawing.viewport().x(0))
    assert.isAbove(Number(attributesOf(drawing.svg, "say", "y")[0]), drawing.viewport({ zoom: 40 }).yOf(0) + 10)
  })
})
