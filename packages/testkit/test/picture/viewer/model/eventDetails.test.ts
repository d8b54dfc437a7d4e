import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { eventDetailsOf, messageDetailsOf } from "../../../../src/picture/viewer/model/eventDetails.ts"
import type { Message } from "../../../../src/picture/viewer/model/messages.ts"
import { arrived, log, node, sent } from "../../traces.ts"

const send = sent(1_000, 1, "a", "b", "Vote")
const message: Message = { sent: 0, end: undefined, arrived: false, losses: [], from: 0, to: 1, kinds: ["Vote"] }

const detailsOf = (message: Message, ...events: ReadonlyArray<Event>) =>
  send._tag === "Sent" ? messageDetailsOf(message, send, [send, ...events]) : assert.fail("the event is not a send")

describe("the details of an event", () => {
  it("have a heading, and the time in seconds", () => {
    assert.deepStrictEqual(eventDetailsOf(log(2_000_000, "a")), {
      heading: eventDetailsOf(log(0, "a")).heading,
      facts: [["at", "2.000000 s"]],
      messages: [],
    })
  })

  it("have the life of a node, and the number of a connection", () => {
    assert.deepStrictEqual(eventDetailsOf(node(0, "a", "running")).facts, [
      ["at", "0.000000 s"],
      ["life", "1"],
    ])
    const dialed: Event = { _tag: "Connection", at: 0, connection: 7, from: "a", to: "b", state: "dialed" }
    assert.deepStrictEqual(eventDetailsOf(dialed).facts[1], ["connection", "7"])
  })
})

describe("the details of a message", () => {
  it("contain its ends, its times and its content", () => {
    assert.deepStrictEqual(detailsOf({ ...message, end: 1, arrived: true }, arrived(3_500, 1)), {
      heading: "a → b",
      facts: [
        ["sent", "0.001000 s"],
        ["arrived", "0.003500 s, after 2.5 ms"],
        ["size", "10 bytes"],
        ["connection", "1"],
      ],
      messages: [{ kind: "Vote", text: "Vote" }],
    })
  })

  it("contain the number of its losses", () => {
    const lost = (times: number): Event => ({ _tag: "Lost", at: 2_000, id: 1, times })
    const { facts } = detailsOf({ ...message, losses: [1, 2] }, lost(1), lost(3))
    assert.deepStrictEqual(facts.slice(1, 3), [
      ["lost", "once, and sent again"],
      ["lost", "3 times, and sent again"],
    ])
  })

  it("contain the reason of its drop, or that it had not arrived at the end of the trace", () => {
    const dropped: Event = { _tag: "Dropped", at: 4_000, id: 1, why: "cut" }
    assert.deepStrictEqual(detailsOf({ ...message, end: 1 }, dropped).facts[1], ["dropped", "0.004000 s: cut"])
    assert.deepStrictEqual(detailsOf(message).facts[1], ["arrived", "not before the end of the trace"])
  })
})
