import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { MessageLabels } from "../../../../src/picture/viewer/diagram/MessageLabels.ts"
import { OccupancyGrid } from "../../../../src/picture/viewer/diagram/OccupancyGrid.ts"
import { kindFilter } from "../../../../src/picture/viewer/model/TraceModel.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { arrived } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { attributesOf, textsOf, useFakeDocument } from "../fakeDocument.ts"

const send = (to: string, ...messages: ReadonlyArray<{ readonly kind: string; readonly text: string }>): Event => ({
  _tag: "Sent",
  at: 0,
  id: 1,
  connection: 1,
  from: "a",
  to,
  size: 10,
  messages,
})
const vote = { kind: "Vote", text: "Vote { term: 3 }" }
const everything = { left: -1e4, right: 1e4, top: -1e4, bottom: 1e4 }

describe("MessageLabels", () => {
  useFakeDocument()

  const draw = (
    message: Event,
    {
      changes = {},
      occupy = () => {},
      gap = 1,
    }: {
      readonly changes?: Partial<View>
      readonly occupy?: (occupied: OccupancyGrid, arrows: OccupancyGrid) => void
      readonly gap?: number
    } = {},
  ) => {
    const drawing = drawingOf([message, arrived(gap, 1)])
    const arrows = new OccupancyGrid()
    const [first] = drawing.model.messages
    assert.isDefined(first)
    occupy(drawing.occupied, arrows)
    const labels = new MessageLabels(drawing.model, drawing.layers)
    labels.draw(0, first, drawing.viewport(changes), drawing.occupied, arrows)
    return drawing.svg
  }

  it("writes the kind once, the text, and the number of further messages", () => {
    assert.deepStrictEqual(textsOf(draw(send("b", vote)), "label"), ["Vote { term: 3 }"])
    assert.deepStrictEqual(textsOf(draw(send("b", vote, { kind: "Ping", text: "Ping" })), "label"), [
      "Vote { term: 3 } +1",
    ])
  })

  it("writes the first message that no filter hides", () => {
    const message = send("b", vote, { kind: "Ping", text: "Ping" })
    const hidden = new Set([kindFilter("Vote")])
    assert.deepStrictEqual(textsOf(draw(message, { changes: { hidden } }), "label"), ["Ping"])
  })

  it("writes along the arrow, and level beside a steep arrow or a loop", () => {
    assert.include(attributesOf(draw(send("b", vote)), "label", "transform")[0] ?? "", "rotate")
    const steep = draw(send("b", vote), { changes: { zoom: 79, height: 2000, width: 400 } })
    const loop = draw(send("a", vote))
    for (const svg of [steep, loop]) {
      const [transform = ""] = attributesOf(svg, "label", "transform")
      assert.isNotNull(transform)
      assert.notInclude(transform ?? "", "rotate")
    }
  })

  it("draws nothing if there is no room", () => {
    assert.deepStrictEqual(textsOf(draw(send("b", vote), { occupy: (grid) => grid.occupy(everything) }), "label"), [])
    assert.deepStrictEqual(textsOf(draw(send("b", vote), { changes: { width: 130 } }), "label"), [])
  })

  it("moves along its arrow to avoid another label", () => {
    const short = send("b", { kind: "Vote", text: "Vote" })
    const xOf = (svg: Element): number =>
      Number(/translate\(([\d.]+)/.exec(attributesOf(svg, "label", "transform")[0] ?? "")?.[1])
    const usual = xOf(draw(short))
    const crossing = { left: usual - 2, right: usual + 2, top: 0, bottom: 600, owner: 7 }
    const moved = xOf(draw(short, { occupy: (_, arrows) => arrows.occupy(crossing) }))
    assert.isAbove(Math.abs(moved - usual), 15)
    const own = xOf(draw(short, { occupy: (_, arrows) => arrows.occupy({ ...crossing, owner: 0 }) }))
    assert.strictEqual(own, usual)
  })

  it("covers another arrow if it would be omitted otherwise", () => {
    const svg = draw(send("b", vote), { occupy: (_, arrows) => arrows.occupy({ ...everything, owner: 7 }) })
    assert.deepStrictEqual(textsOf(svg, "label"), ["Vote { term: 3 }"])
  })
})
