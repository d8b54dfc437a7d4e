import { assert, describe, it } from "@effect/vitest"
import { element } from "../../../../src/picture/viewer/dom.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { SelectionPanel } from "../../../../src/picture/viewer/panels/SelectionPanel.ts"
import { arrived, log, sent, traceOf } from "../../traces.ts"
import { click, findAll, textsOf, useFakeDocument } from "../fakeDocument.ts"

describe("SelectionPanel", () => {
  useFakeDocument()

  const make = (events = [log(0, "a"), sent(1, 1, "a", "b"), arrived(2, 1), log(3, "c")]) => {
    const model = new TraceModel(traceOf(events))
    const root = element("div", "")
    const calls: Array<number | "clear"> = []
    const panel = new SelectionPanel(root, model, {
      focus: (event) => void calls.push(event),
      clear: () => void calls.push("clear"),
    })
    const select = (event: number) => panel.draw(event, model.causalPastOf(event))
    return { root, panel, calls, select }
  }

  it("explains the keys while nothing is selected", () => {
    const { panel, root } = make()
    panel.draw(undefined, undefined)
    assert.include(root.textContent, "Escclear the selection")
  })

  it("lists the events that could have influenced the selected event, the latest first", () => {
    const { root, select } = make()
    select(2)
    assert.include(root.textContent, "2 events on 2 nodes could have influenced it.")
    assert.deepStrictEqual(textsOf(root, "cause"), ["0.000001a sends to b: 10 bytes", "0.000000a: x"])
  })

  it("reports that nothing influenced the selected event", () => {
    const { root, select } = make()
    select(3)
    assert.include(root.textContent, "No event in this trace could have influenced it.")
    assert.deepStrictEqual(textsOf(root, "cause"), [])
  })

  it("lists at most 40 events", () => {
    const { root, select } = make(Array.from({ length: 100 }, (_, index) => log(index, "a")))
    select(99)
    const causes = textsOf(root, "cause")
    assert.strictEqual(causes.length, 40)
    assert.strictEqual(causes[0], "0.000098a: x")
  })

  it("moves the focus to a listed event, and clears the selection", () => {
    const { calls, root, select } = make()
    select(2)
    click(findAll(root, "cause")[1])
    click(findAll(root, "plain")[0])
    assert.deepStrictEqual(calls, [0, "clear"])
  })
})
