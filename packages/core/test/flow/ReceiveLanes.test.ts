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
  it("call sinkOf once per lane, when the lane opens", () => {
    const { came, lanes, sinks } = make()
    lanes.open([{ name: "red" }])
    for (let i = 0; i < 3; i++) assert.isUndefined(lanes.receive(data(1, 1)))
    assert.deepStrictEqual(sinks, ["", "red"])
    assert.deepStrictEqual(
      came.map(({ lane }) => lane.name),
      ["red", "red", "red"],
    )
  })

  it("announce the open lanes to the peer, each name once, and also announce an empty list", () => {
    const { lanes, sent } = make()
    lanes.open([])
    lanes.open([{ name: "red" }, { name: "blue" }])
    lanes.open([{ name: "red" }])
    assert.deepStrictEqual(
      sent.map((frame) => (frame._tag === "LaneOpen" ? frame.lanes.map(({ name }) => name) : [])),
      [[], ["red", "blue"], []],
    )
  })

  it("refuse data on a lane that is not open, and report a violation of a lane", () => {
    const { lanes } = make()
    assert.strictEqual(lanes.receive(data(1, 1))?.code, "laneUnknown")
    assert.strictEqual(lanes.receive(data(0, minWindow))?.code, "creditExceeded")
  })

  it("return credit for acknowledged messages, half a window at a time", () => {
    const { came, lanes, sent } = make()
    for (let i = 0; i < 4; i++) lanes.receive(data(0, 136))
    for (const { lane, message } of came) lane.acknowledge(message)
    assert.deepStrictEqual(sent, [{ _tag: "Credit", lane: 0, bytes: 600 }])
    assert.strictEqual(lanes.used(), 200)
  })

  it("acknowledge the last read message of each lane once", () => {
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

  it("send the acknowledgement of a lane before its LaneClose, and none afterwards", () => {
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

  it("drop messages on a closing lane until the peer has answered, and refuse them afterwards", () => {
    const { came, lanes } = make()
    assert.strictEqual(lanes.closed(1)?.code, "laneUnknown")
    lanes.open([{ name: "red" }])
    assert.strictEqual(lanes.closed(1)?.code, "laneUnknown", "the lane is still open")
    lanes.close("red")
    assert.strictEqual(lanes.closing(), 1)
    assert.isUndefined(lanes.receive(data(1, 1)))
    assert.deepStrictEqual(came, [])
    assert.isUndefined(lanes.closed(1))
    assert.strictEqual(lanes.closing(), 0)
    assert.strictEqual(lanes.receive(data(1, 1))?.code, "laneUnknown")
  })

  it("measure the fullest lane except the inbox", () => {
    const { lanes } = make()
    assert.strictEqual(lanes.usedMost(), 0)
    lanes.open([{ name: "red" }, { name: "blue" }])
    lanes.receive(data(1, 1))
    lanes.receive(data(2, 36))
    lanes.receive(data(0, 200))
    assert.strictEqual(lanes.usedMost(), 100)
  })
})
