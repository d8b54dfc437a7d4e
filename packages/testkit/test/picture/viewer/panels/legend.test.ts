import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { element } from "../../../../src/picture/viewer/dom.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { type BackgroundSwitch, drawLegend } from "../../../../src/picture/viewer/panels/legend.ts"
import { fault, log, node, samples, sent, traceOf } from "../../traces.ts"
import { attributesOf, click, findAll, textsOf, useFakeDocument } from "../fakeDocument.ts"

describe("the legend", () => {
  useFakeDocument()

  const draw = (
    events: ReadonlyArray<Event>,
    toggle: (filter: string) => boolean = () => true,
    background?: BackgroundSwitch,
  ) => {
    const root = element("div", "")
    drawLegend(root, new TraceModel(traceOf(events)), { toggle, isOn: (filter) => filter !== "faults" }, background)
    return root
  }

  it("has a filter for each kind and group with its count, and explains the marks of the trace", () => {
    const root = draw([sent(0, 1, "a", "b", "Vote"), log(1, "a"), node(2, "a", "crashed")])
    assert.deepStrictEqual(textsOf(root, "toggle"), ["Vote1", "logs1"])
    assert.deepStrictEqual(textsOf(root, "key"), ["not running"])
  })

  it("explains every mark of a trace that has all of them", () => {
    const marks = ["never arrives", "lost, sent again", "not running", "paused", "cut off", "slow", "idle, folded"]
    assert.deepStrictEqual(textsOf(draw(samples.small.events), "key"), [...marks, "failure"])
  })

  it("is empty for an empty trace", () => {
    assert.strictEqual(draw([]).childElementCount, 0)
  })

  it("shows on a button whether its events are visible", () => {
    const toggled: Array<string> = []
    const root = draw([log(0, "a")], (filter) => toggled.push(filter) % 2 === 0)
    const [toggle] = findAll(root, "toggle")
    assert.strictEqual(toggle?.getAttribute("aria-pressed"), "true")
    click(toggle)
    assert.strictEqual(toggle?.getAttribute("aria-pressed"), "false")
    click(toggle)
    assert.strictEqual(toggle?.getAttribute("aria-pressed"), "true")
    assert.deepStrictEqual(toggled, ["logs", "logs"])
  })

  it("has one switch for all background traffic, which is initially off", () => {
    let toggled = 0
    const root = draw([sent(0, 1, "a", "b", "Vote")], undefined, {
      kinds: ["Ping", "Pong"],
      count: 1200,
      isShown: false,
      toggle: () => toggled++,
    })
    const [node] = findAll(root, "background")
    assert.strictEqual(node?.textContent, "background: Ping, Pong1,200")
    assert.strictEqual(node?.getAttribute("aria-pressed"), "false")
    click(node)
    assert.strictEqual(toggled, 1)
  })

  it("shows a filter that is off as off", () => {
    const root = draw([fault(0, 0, "began", ["a", "b"]), log(0, "a")])
    assert.deepStrictEqual(attributesOf(root, "toggle", "aria-pressed"), ["false", "true"])
  })
})
