import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import type { EventDetails } from "../../../../src/picture/viewer/model/eventDetails.ts"
import { kindFilter, TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { arrived, fault, log, node, samples, sent, traceOf } from "../../traces.ts"

const events: ReadonlyArray<Event> = [
  node(0, "a", "starting"), // 0
  sent(1, 1, "a", "b", "Vote", "Ping"), // 1
  sent(2, 2, "b", "c", "Ping"), // 2
  sent(3, 3, "c", "a"), // 3
  { _tag: "Lost", at: 3, id: 1, times: 2 }, // 4
  arrived(2_001, 1), // 5
  { _tag: "Dropped", at: 2_002, id: 2, why: "cut" }, // 6
  arrived(2_003, 77), // 7
  log(2_004, "a"), // 8
  { _tag: "Note", at: 2_005, kind: "mark", text: "half" }, // 9
  fault(2_006, 0, "began", ["a", "b"]), // 10
  { _tag: "Connection", at: 2_007, connection: 4, from: "a", to: "b", state: "dialed" }, // 11
]

describe("TraceModel", () => {
  const model = new TraceModel(traceOf(events))

  it("lists kinds of messages by their frequency, and undecoded bytes last", () => {
    assert.deepStrictEqual(model.kinds, [
      { kind: "Ping", count: 2, slot: 0, label: "Ping" },
      { kind: "Vote", count: 1, slot: 1, label: "Vote" },
      { kind: "", count: 1, slot: 2, label: "other bytes" },
    ])
    assert.deepStrictEqual(
      ["Ping", "Vote", "", "unknown"].map((kind) => model.slotOf(kind)),
      [0, 1, 2, 0],
    )
  })

  it("lists the groups of events that the trace has", () => {
    assert.deepStrictEqual(model.groups, [
      { group: "faults", count: 1 },
      { group: "notes", count: 1 },
      { group: "logs", count: 1 },
      { group: "connections", count: 1 },
    ])
    assert.deepStrictEqual(new TraceModel(traceOf([])).groups, [])
  })

  it("finds the message of each of its events", () => {
    assert.deepStrictEqual(
      events.map((_, event) => model.messageOf(event)?.sent),
      [undefined, 1, 2, 3, 1, 1, 2, undefined, undefined, undefined, undefined, undefined],
    )
  })

  it("hides a message if all of its kinds are hidden, and other events with their group", () => {
    const visible = (...hidden: ReadonlyArray<string>) =>
      events.flatMap((_, event) => (model.isVisible(event, new Set(hidden)) ? [event] : []))
    // Event 7 belongs to a message that the trace does not have.
    assert.deepStrictEqual(visible(), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11])
    assert.deepStrictEqual(visible(kindFilter("Ping")), [0, 1, 3, 4, 5, 8, 9, 10, 11])
    assert.deepStrictEqual(visible(kindFilter("Ping"), kindFilter("Vote")), [0, 3, 8, 9, 10, 11])
    assert.deepStrictEqual(visible("faults", "notes", "logs", "connections", "Ping"), [0, 1, 2, 3, 4, 5, 6])
  })

  it("has two filters for a kind of messages and a group of the same name", () => {
    const model = new TraceModel(traceOf([sent(0, 1, "a", "b", "logs"), log(1, "a")]))
    assert.deepStrictEqual(
      [0, 1].map((event) => model.isVisible(event, new Set(["logs"]))),
      [true, false],
    )
  })

  it("describes the outcome of a message by its send", () => {
    assert.strictEqual(model.describe(5), "b receives from a: Vote, Ping, after 2 ms")
    assert.strictEqual(model.describe(7), "an earlier segment arrives")
    assert.strictEqual(model.describe(99), "")
  })

  it("has the same details for all events of a message", () => {
    const details: EventDetails = {
      heading: "a → b",
      facts: [
        ["sent", "0.000001 s"],
        ["lost", "2 times, and sent again"],
        ["arrived", "0.002001 s, after 2 ms"],
        ["size", "10 bytes"],
        ["connection", "1"],
      ],
      messages: [
        { kind: "Vote", text: "Vote" },
        { kind: "Ping", text: "Ping" },
      ],
    }
    for (const event of [1, 4, 5]) assert.deepStrictEqual(model.details(event), details)
    assert.deepInclude(model.details(2).facts, ["dropped", "0.002002 s: cut"])
    assert.deepInclude(model.details(3).facts, ["arrived", "not before the end of the trace"])
  })

  it("has the details of other events", () => {
    assert.deepStrictEqual(model.details(0), {
      heading: "a is starting",
      facts: [
        ["at", "0.000000 s"],
        ["life", "1"],
      ],
      messages: [],
    })
    assert.deepStrictEqual(model.details(11).facts, [
      ["at", "0.002007 s"],
      ["connection", "4"],
    ])
  })

  it("lists the events of the simulation, then those of each lane with their messages in transit", () => {
    assert.deepStrictEqual(model.columns, [[9, 10], [0, 1, 4, 8, 11], [2, 5, 6], [3]])
  })

  it("has every event of a lane in exactly one column", () => {
    for (const trace of Object.values(samples)) {
      const model = new TraceModel(trace)
      const listed = model.columns.flat().sort((a, b) => a - b)
      const known = trace.events.flatMap((_, event) => (model.isVisible(event, new Set()) ? [event] : []))
      assert.deepStrictEqual(listed, known)
    }
  })

  it("returns the last failure", () => {
    const failed: Event = { _tag: "Failed", at: 9, text: "" }
    assert.isUndefined(model.failure)
    assert.strictEqual(new TraceModel(traceOf([failed, log(9, "a"), failed])).failure, 2)
  })
})
