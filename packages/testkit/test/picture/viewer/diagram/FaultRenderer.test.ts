import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { FaultRenderer } from "../../../../src/picture/viewer/diagram/FaultRenderer.ts"
import { fault, log } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, textsOf, useFakeDocument } from "../fakeDocument.ts"

const slow = (at: number, state: "began" | "over"): Event => ({
  _tag: "Fault",
  at,
  fault: 1,
  kind: "slow",
  state,
  nodes: ["b"],
  text: "b is slow",
})

/** Returns events with a fault that lasts from row 1 to below the events in between. */
const during = (began: Event, over: Event): ReadonlyArray<Event> => [
  began,
  ...Array.from({ length: 9 }, (_, index) => log(index + 1, "a")),
  { ...over, at: 10 },
]

describe("FaultRenderer", () => {
  useFakeDocument()

  const draw = (
    events: ReadonlyArray<Event>,
    changes: Parameters<ReturnType<typeof drawingOf>["viewport"]>[0] = {},
    occupy: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }[] = [],
  ) => {
    const drawing = drawingOf(events)
    for (const box of occupy) drawing.occupied.occupy(box)
    new FaultRenderer(drawing.model, drawing.layers).draw(drawing.viewport(changes), drawing.occupied)
    return drawing
  }
  const partition = during(fault(0, 0, "began", ["a", "b", "c"]), fault(0, 0, "over", ["a", "b", "c"]))

  it("shades the sides of a cut, draws the boundary, and writes the text", () => {
    const { svg } = draw(partition)
    assert.strictEqual(attributesOf(svg, "cut side0", "x").length, 1)
    assert.strictEqual(attributesOf(svg, "cut side1", "x").length, 2)
    assert.strictEqual(attributesOf(svg, "wall", "d").length, 1)
    assert.deepStrictEqual(textsOf(svg, "shade-text"), ["fault 0"])
  })

  it("shades a slow node, and does not draw other faults of a single node", () => {
    const events = during(slow(0, "began"), slow(10, "over"))
    assert.strictEqual(attributesOf(draw(events).svg, "shade slow", "x").length, 1)
    const crash = events.map((event) => (event._tag === "Fault" ? { ...event, kind: "crash" } : event))
    assert.strictEqual(attributesOf(draw(crash).svg, "shade", "x").length, 0)
  })

  it("does not draw a fault that is outside of the view or hidden", () => {
    assert.deepStrictEqual(attributesOf(draw(partition, { top: 50 }).svg, "cut", "x"), [])
    assert.deepStrictEqual(attributesOf(draw(partition, { hidden: new Set(["faults"]) }).svg, "cut", "x"), [])
  })

  it("moves the text down to a free place, and omits it if there is none", () => {
    const all = { left: 0, right: 1000, top: 0 }
    const [usual] = attributesOf(draw(partition).svg, "shade-text", "y")
    const [lower] = attributesOf(draw(partition, {}, [{ ...all, bottom: 60 }]).svg, "shade-text", "y")
    assert.isAbove(Number(lower), Number(usual))
    assert.deepStrictEqual(textsOf(draw(partition, {}, [{ ...all, bottom: 600 }]).svg, "shade-text"), [])
  })
})
