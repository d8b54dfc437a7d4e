import { assert, describe, it } from "@effect/vitest"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import { ReceiveLanes } from "../../src/flow/ReceiveLanes.ts"
import { minWindow } from "../../src/protocol/constants.ts"
import type { ControlFrame, Data } from "../../src/protocol/Frame.ts"

const make = () => {
  const sent: Array<ControlFrame> = []
  const sinks: Array<string> = []
  const came: Array<{ readonly lane: ReadableLane; readonly message: InboundMessage }> = []
  let wakes = 0
  const lanes = new ReceiveLanes({
    makeReceiveLane: (options) => new ReceiveLane(options),
    inboxWindowBytes: minWindow,
    laneWindowBytes: minWindow,
    messageBytes: 10_000,
    send: (frame) => sent.push(frame),
    wake: () => wakes++,
    sinkOf: (name) => {
      sinks.push(name)
      return (lane, message) => came.push({ lane, message })
    },
  })
  return { lanes, sent, sinks, came, wakes: () => wakes }
}

const data = (lane: number, bytes: number, confirm?: number): Data => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload: new Uint8Array(bytes),
  ...(confirm === undefined ? {} : { confirm }),
})

describe("the receiving lanes of a link", () => {
  it("resolve the sink of a lane once, when the lane is opened", () => {
    const { came, lanes, sinks } = make()
    lanes.open([{ name: "red" }])
    for (let i = 0; i < 3; i++) assert.isUndefined(lanes.receive(data(1, 1)))
    assert.deepStrictEqual(sinks, ["", "red"])
    assert.deepStrictEqual(
      came.map(({ lane }) => lane.name),
      ["red", "red", "red"],
    )
  })

  it("tell the peer which lanes are open, each name once, and also if there is none", () => {
    const { lanes, sent } = make()
    lanes.open([])
    lanes.open([{ name: "red" }, { name: "blue" }])
    lanes.open([{ name: "red" }])
    assert.deepStrictEqual(
      sent.map((frame) => (frame._tag === "LaneOpen" ? frame.lanes.map(({ name }) => name) : [])),
      [[], ["red", "blue"], []],
    )
  })

  it("refuse data on a lane that was never opened, and a violation of a lane", () => {
    const { lanes } = make()
    assert.strictEqual(lanes.receive(data(1, 1))?.code, "laneUnknown")
    assert.strictEqual(lanes.receive(data(0, minWindow))?.code, "creditExceeded")
  })

  it("give credit back when messages are acknowledged, half a window at a time", () => {
    const { came, lanes, sent } = make()
    for (let i = 0; i < 4; i++) lanes.receive(data(0, 136))
    for (const { lane, message } of came) lane.acknowledge(message)
    assert.deepStrictEqual(sent, [{ _tag: "Credit", lane: 0, bytes: 600 }])
    assert.strictEqual(lanes.used(), 200)
  })

  it("acknowledge the last message of each lane that was read, once", () => {
    const { came, lanes, wakes } = make()
    lanes.receive(data(0, 1, 1))
    lanes.receive(data(0, 1, 2))
    lanes.receive(data(0, 1))
    assert.deepStrictEqual(lanes.acknowledgements(), [])
    for (const { lane, message } of came) lane.acknowledge(message)
    assert.strictEqual(wakes(), 2)
    assert.deepStrictEqual(lanes.acknowledgements(), [{ _tag: "Taken", lane: 0, id: 2 }])
    assert.deepStrictEqual(lanes.acknowledgements(), [])
  })

  it("say what was read of a lane before they close it, and nothing of it afterwards", () => {
    const { came, lanes, sent } = make()
    lanes.open([{ name: "red" }])
    lanes.receive(data(1, 1, 1))
    lanes.receive(data(1, 1, 2))
    const [first, second] = came
    first?.lane.acknowledge(first.message)
    lanes.close("red")
    second?.lane.acknowledge(second.message)
    assert.deepStrictEqual(sent.slice(1), [
      { _tag: "Taken", lane: 1, id: 1 },
      { _tag: "LaneClose", lane: 1 },
    ])
    assert.deepStrictEqual(lanes.acknowledgements(), [])
  })

  it("drop what comes on a closing lane until the peer has answered, and then do not know the lane", () => {
    const { came, lanes } = make()
    assert.strictEqual(lanes.closed(1)?.code, "laneUnknown")
    lanes.open([{ name: "red" }])
    assert.strictEqual(lanes.closed(1)?.code, "laneUnknown", "it is open")
    lanes.close("red")
    assert.strictEqual(lanes.closing(), 1)
    assert.isUndefined(lanes.receive(data(1, 1)))
    assert.deepStrictEqual(came, [])
    assert.isUndefined(lanes.closed(1))
    assert.strictEqual(lanes.closing(), 0)
    assert.strictEqual(lanes.receive(data(1, 1))?.code, "laneUnknown")
  })

  it("measure the fullest lane besides the inbox", () => {
    const { lanes } = make()
    assert.strictEqual(lanes.usedMost(), 0)
    lanes.open([{ name: "red" }, { name: "blue" }])
    lanes.receive(data(1, 1))
    lanes.receive(data(2, 36))
    lanes.receive(data(0, 200))
    assert.strictEqual(lanes.usedMost(), 100)
  })
})
