import { assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { listenToKeyboard } from "../../../../src/picture/viewer/controls/keyboard.ts"
import { headHeight, LaneLayout } from "../../../../src/picture/viewer/diagram/LaneLayout.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { ViewState } from "../../../../src/picture/viewer/ViewState.ts"
import { log, traceOf } from "../../traces.ts"
import { FakeTarget, useFakeTargets } from "./fakeTargets.ts"

class Key extends Event {
  readonly key: string
  readonly ctrlKey: boolean
  readonly shiftKey: boolean
  readonly metaKey = false
  readonly altKey = false

  constructor(key: string, modifier?: "ctrl" | "shift") {
    super("keydown", { cancelable: true })
    this.key = key
    this.ctrlKey = modifier === "ctrl"
    this.shiftKey = modifier === "shift"
  }
}

describe("the keyboard", () => {
  useFakeTargets()
  let page = new EventTarget()
  beforeEach(() => {
    page = new EventTarget()
    vi.stubGlobal("document", page)
  })

  const open = () => {
    const events = Array.from({ length: 100 }, (_, index) => log(index * 1000, index % 2 === 0 ? "a" : "b"))
    const model = new TraceModel(traceOf(events))
    const layout = new LaneLayout(model.causality.lanes)
    const state = new ViewState({ model, layout, size: () => ({ width: 1000, height: headHeight + 360 }) })
    const calls: Array<string> = []
    listenToKeyboard({
      model,
      state,
      update: (change) => {
        change(state)
        state.settle()
      },
      select: (event) => calls.push(`select ${event}`),
      toggleSelection: (event) => calls.push(`toggle ${event}`),
      focus: (event) => calls.push(`focus ${event}`),
    })
    /** Presses a key while an event or no event has the focus. Returns `true` if the controls have handled the key. */
    const press = (key: string, focused?: number, modifier?: "ctrl" | "shift"): boolean => {
      const event = new Key(key, modifier)
      const target = new FakeTarget(focused?.toString())
      Object.defineProperty(event, "target", { value: target })
      page.dispatchEvent(event)
      return event.defaultPrevented
    }
    return { calls, model, press, state }
  }

  it("scrolls with the arrows while no event has the focus, and with Shift always", () => {
    const { calls, press, state } = open()
    assert.isTrue(press("ArrowDown"))
    const { top } = state.view()
    assert.isAbove(top, 0)
    press("ArrowDown", 4, "shift")
    assert.closeTo(state.view().top, 2 * top, 1e-9)
    press("ArrowUp")
    assert.closeTo(state.view().top, top, 1e-9)
    assert.deepStrictEqual(calls, [])
  })

  it("steps from the event with the focus along its lane and to other lanes", () => {
    const { calls, press, state } = open()
    press("ArrowDown", 4)
    press("ArrowUp", 4)
    press("ArrowRight", 4)
    // The lane of `a` is the first.
    press("ArrowLeft", 4)
    assert.deepStrictEqual(calls.slice(0, 2), ["focus 6", "focus 2"])
    assert.match(calls[2] ?? "", /^focus [35]$/)
    assert.lengthOf(calls, 3)
    assert.strictEqual(state.view().top, 0)
  })

  it("moves to both ends, moves by pages, and zooms", () => {
    const { model, press, state } = open()
    press("PageDown")
    assert.closeTo(state.view().top, 0.9 * state.rows(), 1e-9)
    press("End")
    assert.closeTo(state.view().top, model.timeline.height + 2 - state.rows(), 1e-9)
    press("Home")
    assert.strictEqual(state.view().top, 0)
    const { zoom } = state.view()
    press("+")
    assert.closeTo(state.view().zoom, 1.25 * zoom, 1e-9)
    press("=")
    press("-")
    assert.closeTo(state.view().zoom, 1.25 * zoom, 1e-9)
    press("0")
    assert.strictEqual(state.view().zoom, zoom)
  })

  it("selects the event with the focus, and clears the selection with Escape", () => {
    const { calls, press } = open()
    press("Enter", 4)
    press(" ", 6)
    press("Escape")
    assert.deepStrictEqual(calls, ["toggle 4", "toggle 6", "select undefined"])
  })

  it("leaves other keys, and keys with Ctrl, to the browser", () => {
    const { calls, press, state } = open()
    for (const key of ["a", "Enter", "Tab"]) assert.isFalse(press(key))
    assert.isFalse(press("+", undefined, "ctrl"))
    assert.deepStrictEqual(calls, [])
    assert.strictEqual(state.view().top, 0)
  })
})
