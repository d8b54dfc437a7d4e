import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { foldBackground } from "../../../../src/picture/viewer/model/foldBackground.ts"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { arrived, log, samples, sent, traceOf } from "../../traces.ts"

/** Returns a send of messages. Messages in lower case are background. */
const mixed = (at: number, id: number, from: string, to: string, ...kinds: ReadonlyArray<string>): Event => ({
  _tag: "Sent",
  at,
  id,
  connection: 1,
  from,
  to,
  size: 10,
  messages: kinds.map((kind) =>
    kind === kind.toLowerCase() ? { kind, text: kind, background: true } : { kind, text: kind },
  ),
})

describe("folding", () => {
  it("omits segments of background only, with their outcomes, and keeps the other messages of mixed segments", () => {
    const { count, kinds, origins, trace } = foldBackground(
      traceOf([
        mixed(0, 1, "a", "b", "ping"),
        { _tag: "Lost", at: 0, id: 1, times: 1 },
        mixed(1, 2, "b", "a", "pong", "Data", "credit"),
        arrived(2, 1),
        arrived(3, 2),
        mixed(4, 3, "a", "b", "ping", "credit"),
        { _tag: "Dropped", at: 5, id: 3, why: "" },
        sent(6, 4, "a", "b"),
        arrived(7, 99),
      ]),
    )
    assert.deepStrictEqual(origins, [2, 4, 7, 8])
    assert.deepStrictEqual(kinds, ["credit", "ping", "pong"])
    assert.strictEqual(count, 5)
    const first = trace.events[0]
    assert.deepStrictEqual(first?._tag === "Sent" ? first.messages : [], [{ kind: "Data", text: "Data" }])
    assert.deepStrictEqual(trace.events[2], sent(6, 4, "a", "b"))
  })

  it("omits heartbeats from the past of an event", () => {
    const story = traceOf([log(0, "a"), mixed(1, 1, "a", "b", "ping"), arrived(2, 1), log(3, "b")])
    const pastOf = (trace: typeof story) => {
      const { length } = trace.events
      return new TraceModel(trace).causalPastOf(length - 1).filter((inside) => inside).length
    }
    assert.strictEqual(pastOf(story), 4)
    assert.strictEqual(pastOf(foldBackground(story).trace), 1)
  })

  it("changes nothing if nothing is background", () => {
    for (const trace of Object.values(samples)) {
      const folded = foldBackground(trace)
      assert.deepStrictEqual(folded.trace, trace)
      assert.strictEqual(folded.count, 0)
    }
  })

  it("gives the other kinds the same colours as in the whole trace", () => {
    const whole = traceOf([
      ...Array.from({ length: 5 }, (_, id) => mixed(0, id, "a", "b", "ping")),
      mixed(1, 10, "a", "b", "Data"),
      sent(2, 11, "a", "b"),
    ])
    const kindsOf = (trace: typeof whole) => new TraceModel(trace).kinds.map(({ kind, slot }) => `${kind} ${slot}`)
    assert.deepStrictEqual(kindsOf(whole), ["Data 0", "ping 1", " 2"])
    assert.deepStrictEqual(kindsOf(foldBackground(whole).trace), ["Data 0", " 1"])
  })
})
