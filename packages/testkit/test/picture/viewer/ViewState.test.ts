import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { headHeight, LaneLayout } from "../../../src/picture/viewer/diagram/LaneLayout.ts"
import { TraceModel } from "../../../src/picture/viewer/model/TraceModel.ts"
import { ViewState } from "../../../src/picture/viewer/ViewState.ts"
import { log, traceOf } from "../traces.ts"

/** Height at which the default zoom of 18 pixels shows 20 rows. */
const size = { width: 1000, height: headHeight + 360 }

const make = (
  events: ReadonlyArray<Event> = Array.from({ length: 100 }, (_, index) => log(index * 1000, "a")),
  nodes?: ReadonlyArray<string>,
) => {
  const model = new TraceModel(traceOf(events, nodes))
  const layout = new LaneLayout(model.causality.lanes)
  return { model, layout, state: new ViewState({ model, layout, size: () => size }) }
}

describe("ViewState", () => {
  it("limits the view to the trace, with two empty rows below", () => {
    const { model, state } = make()
    state.scrollBy(-10)
    state.settle()
    assert.strictEqual(state.view().top, 0)
    state.scrollBy(1e6, 1e6)
    state.settle()
    assert.strictEqual(state.view().top, model.timeline.height + 2 - 20)
    assert.strictEqual(state.view().left, 0)
  })

  it("keeps a trace that fits at the top", () => {
    const { state } = make([log(0, "a")])
    state.scrollToEnd()
    state.settle()
    assert.strictEqual(state.view().top, 0)
  })

  it("scrolls sideways as far as the lanes reach", () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node-${index}`)
    const { layout, state } = make([log(0, "node-0")], nodes)
    state.scrollBy(0, 1e6)
    state.settle()
    assert.strictEqual(state.view().left, layout.totalWidth(size.width) - size.width)
  })

  it("keeps the row at the offset in place when it zooms", () => {
    const { state } = make()
    state.scrollTo(30, 0)
    const rowAt = (offset: number) => state.view().top + offset / state.view().zoom
    const row = rowAt(90)
    state.zoomBy(2, 90)
    assert.strictEqual(state.view().zoom, 36)
    assert.closeTo(rowAt(90), row, 1e-9)
  })

  it("zooms around the active event if it is visible, and otherwise around the middle", () => {
    const { model, state } = make()
    state.scrollTo(30, 0)
    const yOf = (row: number) => (row - state.view().top) * state.view().zoom
    state.activate(30)
    const row = model.timeline.rowOf[30] ?? 0
    const before = yOf(row)
    state.zoomBy(1.5)
    assert.closeTo(yOf(row), before, 1e-9)
    state.activate(0)
    const middle = state.view().top + state.rows() / 2
    state.zoomBy(1.5)
    assert.closeTo(state.view().top + state.rows() / 2, middle, 1e-9)
  })

  it("zooms out to the whole trace and in to rows of 80 pixels, and no further", () => {
    const { model, state } = make()
    state.zoomBy(1e9)
    assert.strictEqual(state.view().zoom, 80)
    state.zoomBy(1e-9)
    assert.closeTo(state.view().zoom, 360 / (model.timeline.height + 2), 1e-9)
    state.resetZoom()
    assert.closeTo(state.view().zoom, 18, 1e-9)
    state.zoomToFit()
    assert.closeTo(state.rows(), model.timeline.height + 2, 1e-9)
  })

  it("reveals an event by scrolling as little as possible", () => {
    const { model, state } = make()
    state.scrollTo(30, 0)
    const rowOf = (event: number) => model.timeline.rowOf[event] ?? 0
    state.reveal(34)
    assert.strictEqual(state.view().top, 30)
    state.reveal(60)
    assert.closeTo(state.view().top, rowOf(60) - 20 + 3, 1e-9)
    state.reveal(10)
    assert.closeTo(state.view().top, rowOf(10) - 3, 1e-9)
  })

  it("reveals a lane that is outside of the view", () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node-${index}`)
    const { layout, model, state } = make([log(0, "node-0"), log(1, "node-39")], nodes)
    const x = (event: number) => layout.x(model.causality.laneOf[event] ?? 0, state.view())
    state.reveal(1)
    assert.closeTo(x(1), size.width - 60, 1e-9)
    state.reveal(0)
    assert.closeTo(x(0), 150, 1e-9)
  })

  it("puts a row into the middle", () => {
    const { state } = make()
    state.centreOn(50)
    assert.strictEqual(state.view().top, 40)
  })

  it("selects an event with its past, and makes it active", () => {
    const { state } = make([log(0, "a"), log(1, "b"), log(2, "a")])
    state.select(2)
    assert.deepStrictEqual(state.view().past, [true, false, true])
    assert.strictEqual(state.view().active, 2)
    state.select(undefined)
    assert.isUndefined(state.view().selected)
    assert.isUndefined(state.view().past)
    assert.strictEqual(state.view().active, 2)
  })

  it("switches filters", () => {
    const { state } = make([log(0, "a")])
    assert.isFalse(state.toggle("logs"))
    assert.isFalse(state.isVisible(0))
    assert.isTrue(state.toggle("logs"))
    assert.isTrue(state.isVisible(0))
  })

  it("begins with the failure as the active event, or with the last event", () => {
    const failed: Event = { _tag: "Failed", at: 1, text: "" }
    assert.strictEqual(make([log(0, "a"), failed, log(2, "a")]).state.view().active, 1)
    assert.strictEqual(make([log(0, "a"), log(2, "a")]).state.view().active, 1)
    assert.isUndefined(make([]).state.view().active)
  })

  it("moves the active event to the last visible event in the view", () => {
    const { model, state } = make()
    state.activate(30)
    state.scrollTo((model.timeline.rowOf[30] ?? 0) - 1, 0)
    state.settle()
    assert.strictEqual(state.view().active, 30)
    state.scrollTo(0, 0)
    state.settle()
    const { active } = state.view()
    assert.isAtMost(model.timeline.rowOf[active ?? 99] ?? 0, 20)
    assert.isAbove(model.timeline.rowOf[(active ?? 99) + 1] ?? 0, 20)
  })
})
