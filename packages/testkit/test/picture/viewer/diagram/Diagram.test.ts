import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { Diagram } from "../../../../src/picture/viewer/diagram/Diagram.ts"
import { svgElement } from "../../../../src/picture/viewer/dom.ts"
import { kindFilter } from "../../../../src/picture/viewer/model/TraceModel.ts"
import type { View } from "../../../../src/picture/viewer/View.ts"
import { arrived, log, sent } from "../../traces.ts"
import { drawingOf, view } from "../drawing.ts"
import { attributesOf, findAll, textsOf, useFakeDocument } from "../fakeDocument.ts"

describe("Diagram", () => {
  useFakeDocument()

  const make = (events: ReadonlyArray<Event>, nodes?: ReadonlyArray<string>) => {
    const { layout, model } = drawingOf(events, nodes)
    const svg = svgElement("svg")
    const diagram = new Diagram(svg, model, layout)
    return { svg, diagram, draw: (changes: Partial<View> = {}) => diagram.draw({ ...view, ...changes }) }
  }
  /** Messages of two kinds. Every third message is dropped. */
  const many = Array.from({ length: 1_500 }, (_, index): ReadonlyArray<Event> => {
    const end: Event =
      index % 3 === 0 ? { _tag: "Dropped", at: index * 10 + 5, id: index, why: "" } : arrived(index * 10 + 5, index)
    return [sent(index * 10, index, "a", "b", index % 5 === 0 ? "Rare" : "Usual"), end]
  }).flat()

  it("draws single events, and only events in the view", () => {
    const { diagram, draw, svg } = make(Array.from({ length: 300 }, (_, index) => log(index * 1000, "a")))
    assert.isTrue(draw())
    const targets = attributesOf(svg, "target", "data-event")
    assert.isBelow(targets.length, 40)
    assert.isDefined(diagram.targetOf(0))
    assert.isUndefined(diagram.targetOf(299))
    assert.isTrue(draw({ top: 300 }))
    assert.isUndefined(diagram.targetOf(0))
  })

  it("draws one path for each kind if single events cannot be distinguished, the rarest kind on top", () => {
    const { draw, svg } = make(many)
    assert.isFalse(draw({ zoom: 0.1 }))
    assert.deepStrictEqual(attributesOf(svg, "lines", "class").length, 1)
    const classes = [...(findAll(svg, "lines")[0]?.children ?? [])].map((node) => node.getAttribute("class"))
    assert.deepStrictEqual(classes, ["message many k0", "cross many", "message many k1"])
    assert.deepStrictEqual(attributesOf(svg, "target", "r"), [])
    assert.isFalse(draw({ zoom: 0.1, hidden: new Set([kindFilter("Rare")]) }))
    assert.deepStrictEqual(attributesOf(svg, "message many k1", "d"), [])
  })

  it("replaces paths by events, and events by paths", () => {
    const { draw, svg } = make(many)
    draw({ zoom: 0.1 })
    draw()
    assert.deepStrictEqual(attributesOf(svg, "many", "d"), [])
    assert.isAbove(attributesOf(svg, "arrowhead", "d").length, 3)
    draw({ zoom: 0.1 })
    assert.deepStrictEqual(attributesOf(svg, "arrowhead", "d"), [])
  })

  it("dims events outside of the past of a selection by a class", () => {
    const { draw, svg } = make([log(0, "a"), log(1, "b")])
    draw({ selected: 0, past: [true, false] })
    assert.include(svg.getAttribute("class"), "cone")
    draw()
    assert.notInclude(svg.getAttribute("class"), "cone")
  })

  it("shows the names of lanes in the view, shortened in their middle", () => {
    const nodes = ["a", "the-second-node-has-a-long-name", "c", "d", "e", "f", "g"]
    const { draw, svg } = make([log(0, "a")], nodes)
    draw({ width: 500 })
    assert.deepStrictEqual(textsOf(svg, "lane").slice(0, 2), ["a", "the-se…g-name"])
    assert.isBelow(textsOf(svg, "lane").length, nodes.length)
    draw({ width: 500, left: 460 })
    assert.deepStrictEqual(textsOf(svg, "lane").at(-1), "g")
  })

  it("labels buttons for screen readers, and lets the Tab key reach only the active one", () => {
    const { draw, svg } = make([log(0, "a"), log(1, "b")])
    draw({ active: 1, selected: 0 })
    assert.deepStrictEqual(attributesOf(svg, "target", "aria-label"), ["a: x, at 0.000000 s", "b: x, at 0.000001 s"])
    assert.deepStrictEqual(attributesOf(svg, "target", "tabindex"), ["-1", "0"])
    assert.deepStrictEqual(attributesOf(svg, "target", "aria-pressed"), ["true", "false"])
  })
})
