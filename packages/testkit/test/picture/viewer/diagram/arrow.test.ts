import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import {
  arrowOf,
  arrowPathOf,
  messageColourOf,
  pointOn,
  visibleMessages,
} from "../../../../src/picture/viewer/diagram/arrow.ts"
import type { Message } from "../../../../src/picture/viewer/model/messages.ts"
import { kindFilter } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { arrived, log, sent } from "../../traces.ts"
import { drawingOf } from "../drawing.ts"
import { useFakeDocument } from "../fakeDocument.ts"

const events: ReadonlyArray<Event> = [
  sent(0, 1, "a", "b", "Vote"),
  sent(1, 2, "a", "c", "Ping", "Vote"),
  arrived(2, 1),
  { _tag: "Dropped", at: 3, id: 2, why: "" },
  sent(4, 3, "b", "b"),
  arrived(5, 3),
  sent(6, 4, "c", "a"),
]

describe("arrows", () => {
  useFakeDocument()

  const messageOf = (drawing: ReturnType<typeof drawingOf>, number: number): Message => {
    const message = drawing.model.messages[number]
    assert.isDefined(message)
    return message
  }

  it("end at the receiver, at the drop, or at an open end", () => {
    const drawing = drawingOf(events)
    const viewport = drawing.viewport()
    const arrowFor = (number: number) => arrowOf(messageOf(drawing, number), viewport)
    assert.deepStrictEqual(arrowFor(0), {
      x0: viewport.x(0),
      y0: viewport.yOf(0),
      x1: viewport.x(1),
      y1: viewport.yOf(2),
    })
    const dropped = arrowFor(1)
    assert.isAbove(dropped.x1, viewport.x(1))
    assert.isBelow(dropped.x1, viewport.x(2))
    assert.strictEqual(dropped.y1, viewport.yOf(3))
    const inTransit = arrowFor(3)
    assert.isBelow(inTransit.x1, viewport.x(2))
    assert.isAbove(inTransit.x1, viewport.x(1))
    assert.isAtLeast(inTransit.y1, inTransit.y0 + 14)
  })

  it("are lines between lanes, and loops within one", () => {
    const drawing = drawingOf(events)
    assert.match(arrowPathOf(messageOf(drawing, 0), drawing.viewport()), /^M[\d.]+ [\d.]+L[\d.]+ [\d.]+$/)
    assert.match(arrowPathOf(messageOf(drawing, 2), drawing.viewport()), /^M[\d.]+ [\d.]+C/)
  })

  it("have points from their beginning to their end", () => {
    const arrow = { x0: 10, y0: 100, x1: 20, y1: 80 }
    assert.deepStrictEqual(
      [0, 0.5, 1].map((part) => pointOn(arrow, part)),
      [
        { x: 10, y: 100 },
        { x: 15, y: 90 },
        { x: 20, y: 80 },
      ],
    )
  })

  it("are visible if a part of them is in the view and one of their kinds is not hidden", () => {
    const late = Array.from({ length: 60 }, (_, index) => log(10 + index, "a"))
    const drawing = drawingOf([...events.slice(0, 2), ...late, { _tag: "Arrived", at: 99, id: 1 }])
    const numbers = (changes: Parameters<typeof drawing.viewport>[0]) =>
      visibleMessages(drawing.model, drawing.viewport(changes)).map(([number]) => number)
    assert.deepStrictEqual(numbers({}), [0, 1])
    // The second message is in transit: only the first one reaches down here.
    assert.deepStrictEqual(numbers({ top: 30 }), [0])
    assert.deepStrictEqual(numbers({ hidden: new Set([kindFilter("Vote")]) }), [1])
    assert.deepStrictEqual(numbers({ hidden: new Set([kindFilter("Vote"), kindFilter("Ping")]) }), [])
  })

  it("have the colour of their first visible kind", () => {
    const { model } = drawingOf(events)
    const [, message] = model.messages
    assert.isDefined(message)
    const slot = (kind: string) => `k${model.slotOf(kind)}`
    assert.strictEqual(messageColourOf(model, message, new Set()), slot("Ping"))
    assert.strictEqual(messageColourOf(model, message, new Set([kindFilter("Ping")])), slot("Vote"))
    assert.strictEqual(messageColourOf(model, { ...message, kinds: [""] }, new Set()), "bytes")
  })
})
