import { assert, describe, it, vi } from "@effect/vitest"
import { button, element, elementById, svgElement, svgImage } from "../../../src/picture/viewer/dom.ts"
import { click, useFakeDocument } from "./fakeDocument.ts"

describe("the elements of the page", () => {
  useFakeDocument()

  it("have their class and content, and no class if it is empty", () => {
    const node = element("p", "note", "a ", element("b", "", "bold"))
    assert.deepStrictEqual([node.getAttribute("class"), node.textContent], ["note", "a bold"])
    assert.isNull(node.children[0]?.getAttribute("class") ?? null)
  })

  it("have attributes as text, and omit undefined attributes", () => {
    const node = svgElement("rect", { x: 5, class: "wall", y: undefined })
    assert.deepStrictEqual(
      ["x", "class", "y"].map((name) => node.getAttribute(name)),
      ["5", "wall", null],
    )
  })

  it("of an image are hidden from screen readers", () => {
    const shape = svgElement("circle")
    const image = svgImage("0 0 1 1", shape)
    assert.deepStrictEqual([image.getAttribute("aria-hidden"), image.getAttribute("viewBox")], ["true", "0 0 1 1"])
    assert.strictEqual(image.children[0], shape)
  })

  it("call a function at a click if they are buttons, and submit nothing", () => {
    let clicks = 0
    const node = button("cause", ["why"], () => clicks++)
    click(node)
    assert.deepStrictEqual([clicks, node.type, node.textContent], [1, "button", "why"])
  })

  it("are found by their id, and a missing element throws", () => {
    const found = {}
    vi.stubGlobal("document", { getElementById: (id: string) => (id === "map" ? found : null) })
    assert.isTrue(Object.is(elementById("map"), found))
    assert.throws(() => elementById("nowhere"), "the page has no #nowhere")
  })
})
