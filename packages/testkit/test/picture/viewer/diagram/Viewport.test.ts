import { assert, describe, it } from "@effect/vitest"
import { headHeight } from "../../../../src/picture/viewer/diagram/LaneLayout.ts"
import { log } from "../../traces.ts"
import { useFakeDocument } from "../fakeDocument.ts"
import { drawingOf } from "../drawing.ts"

describe("Viewport", () => {
  useFakeDocument()

  /** 100 events at equal distances in one lane, 1.2 rows from each other. */
  const events = Array.from({ length: 100 }, (_, index) => log(index * 1000, "a"))

  it("maps rows to pixels below the head", () => {
    const viewport = drawingOf(events).viewport({ top: 10 })
    assert.strictEqual(viewport.y(10), headHeight)
    assert.strictEqual(viewport.y(12), headHeight + 40)
    assert.strictEqual(viewport.bottom, 40)
    assert.strictEqual(viewport.clampedY(5), headHeight)
    assert.strictEqual(viewport.clampedY(50), 634)
    assert.strictEqual(viewport.yOf(9), viewport.y(viewport.rowOf(9)))
  })

  it("lists exactly the events whose marks reach into the view", () => {
    const drawing = drawingOf(events)
    for (const top of [-5, 0, 7.3, 50, 119, 500]) {
      const viewport = drawing.viewport({ top })
      const inView = events.flatMap((_, event) =>
        viewport.yOf(event) >= headHeight - 16 && viewport.yOf(event) <= 634 + 16 ? [event] : [],
      )
      assert.deepStrictEqual(viewport.events(), inView, `top ${top}`)
    }
  })

  it("lists only the visible part of one long instant", () => {
    const viewport = drawingOf(Array.from({ length: 100 }, () => log(0, "a"))).viewport({ top: 40 })
    assert.deepStrictEqual([viewport.events()[0], viewport.events().at(-1)], [39, 69])
  })

  it("overlaps rows that are partly visible, edges included", () => {
    const viewport = drawingOf(events).viewport({ top: 10 })
    assert.isTrue(viewport.overlaps(0, 10))
    assert.isTrue(viewport.overlaps(40, 99))
    assert.isTrue(viewport.overlaps(0, 99))
    assert.isFalse(viewport.overlaps(0, 9.9))
    assert.isFalse(viewport.overlaps(40.1, 99))
  })
})
