import { assert, describe, it } from "@effect/vitest"
import { SvgLayer } from "../../../../src/picture/viewer/diagram/SvgLayer.ts"
import { SvgRenderer } from "../../../../src/picture/viewer/diagram/SvgRenderer.ts"
import { svgElement } from "../../../../src/picture/viewer/dom.ts"
import { useFakeDocument, writesOf } from "../fakeDocument.ts"

describe("SvgLayer", () => {
  useFakeDocument()

  const make = () => {
    const parent = svgElement("svg")
    const layer = new SvgLayer(parent, "marks")
    const texts = () => [...(parent.children[0]?.children ?? [])].map(({ textContent }) => textContent)
    return { parent, layer, texts }
  }

  it("keeps the element of a key that is put again, and writes only changed attributes", () => {
    const { layer } = make()
    layer.put("a", "path", { class: "x", d: "M0 0" })
    const node = layer.get("a")
    layer.endFrame()
    const before = writesOf(node)
    layer.put("a", "path", { class: "x", d: "M1 1" })
    layer.endFrame()
    assert.strictEqual(layer.get("a"), node)
    assert.strictEqual(node?.getAttribute("d"), "M1 1")
    assert.strictEqual(writesOf(node) - before, 1)
  })

  it("removes elements that were not put in a frame", () => {
    const { layer, texts } = make()
    layer.put("a", "text", {}, "first")
    layer.put("b", "text", {}, "second")
    layer.endFrame()
    layer.put("b", "text", {}, "second")
    assert.deepStrictEqual(texts(), ["first", "second"])
    layer.endFrame()
    assert.deepStrictEqual(texts(), ["second"])
    assert.isUndefined(layer.get("a"))
  })

  it("removes an attribute that becomes undefined, and can set it again", () => {
    const { layer } = make()
    for (const opacity of [1, undefined, 1]) {
      layer.put("a", "path", { opacity })
      assert.strictEqual(layer.get("a")?.getAttribute("opacity"), opacity === undefined ? null : "1")
    }
  })

  it("replaces texts and their parts", () => {
    const { layer } = make()
    layer.put("a", "text", {}, [
      ["kind", "Vote"],
      ["text", " 1"],
    ])
    const node = layer.get("a")
    assert.deepStrictEqual(
      [...(node?.children ?? [])].map((part) => [part.getAttribute("class"), part.textContent]),
      [
        ["kind", "Vote"],
        ["text", " 1"],
      ],
    )
    layer.put("a", "text", {}, "plain")
    assert.strictEqual(node?.textContent, "plain")
    assert.strictEqual(node?.children.length, 0)
  })
})

describe("SvgRenderer", () => {
  useFakeDocument()

  it("stacks its layers in order, and ends the frame of all of them", () => {
    const svg = svgElement("svg")
    const renderer = new SvgRenderer(svg)
    const layers = ["below", "above"].map((className) => renderer.addLayer(className))
    assert.deepStrictEqual(
      [...svg.children].map((layer) => layer.getAttribute("class")),
      ["below", "above"],
    )
    for (const layer of layers) layer.put("a", "path", {})
    renderer.endFrame()
    renderer.endFrame()
    for (const layer of layers) assert.isUndefined(layer.get("a"))
  })

  it("sets and removes classes of its element", () => {
    const svg = svgElement("svg", { class: "plot" })
    const renderer = new SvgRenderer(svg)
    renderer.toggleClass("cone", true)
    assert.strictEqual(svg.getAttribute("class"), "plot cone")
    renderer.toggleClass("cone", false)
    assert.strictEqual(svg.getAttribute("class"), "plot")
  })
})
