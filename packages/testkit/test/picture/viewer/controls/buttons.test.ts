import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { listenToButtons } from "../../../../src/picture/viewer/controls/buttons.ts"
import { headHeight, LaneLayout } from "../../../../src/picture/viewer/diagram/LaneLayout.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { ViewState } from "../../../../src/picture/viewer/ViewState.ts"
import { log, traceOf } from "../../traces.ts"

describe("the buttons", () => {
  const elements = new Map<string, EventTarget>()
  beforeEach(() => {
    elements.clear()
    for (const id of ["leftward", "rightward", "nearer", "farther", "whole"]) elements.set(id, new EventTarget())
    vi.stubGlobal("document", { getElementById: (id: string) => elements.get(id) ?? null })
  })
  afterEach(() => void vi.unstubAllGlobals())

  const open = () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `node-${index}`)
    const events = Array.from({ length: 100 }, (_, index) => log(index * 1000, "node-0"))
    const model = new TraceModel(traceOf(events, nodes))
    const layout = new LaneLayout(model.causality.lanes)
    const state = new ViewState({ model, layout, size: () => ({ width: 1000, height: headHeight + 360 }) })
    let redraws = 0
    listenToButtons({ state, update: (change) => change(state), redraw: () => redraws++ })
    const click = (id: string) => {
      elements.get(id)?.dispatchEvent(new Event("click"))
      state.settle()
    }
    return { click, state, redraws: () => redraws }
  }

  it("scroll towards hidden lanes by a part of the width, and draw", () => {
    const { click, redraws, state } = open()
    click("rightward")
    assert.strictEqual(state.view().left, 600)
    click("leftward")
    assert.strictEqual(state.view().left, 0)
    assert.strictEqual(redraws(), 2)
  })

  it("zoom in, out again by the same factor, and to the whole trace", () => {
    const { click, state } = open()
    const { zoom } = state.view()
    click("nearer")
    assert.closeTo(state.view().zoom, 1.4 * zoom, 1e-9)
    click("farther")
    assert.closeTo(state.view().zoom, zoom, 1e-9)
    click("whole")
    assert.isBelow(state.view().zoom, zoom)
    assert.strictEqual(state.view().top, 0)
  })
})
