import { assert, describe, it } from "@effect/vitest"
import { causalityOf } from "../../../../src/picture/causality.ts"
import { messagesOf } from "../../../../src/picture/viewer/model/messages.ts"
import { arrived, sent, traceOf } from "../../traces.ts"

describe("messages", () => {
  it("arrive, are dropped, or are in transit at the end", () => {
    const trace = traceOf([
      sent(0, 1, "a", "b", "Vote", "Vote", "Ping"),
      sent(0, 2, "a", "c"),
      sent(0, 3, "c", "a", "Ping"),
      { _tag: "Lost", at: 1, id: 1, times: 1 },
      arrived(2, 1),
      { _tag: "Dropped", at: 3, id: 2, why: "cut" },
      arrived(4, 77),
    ])
    assert.deepStrictEqual(messagesOf(trace.events, causalityOf(trace)), [
      { sent: 0, end: 4, arrived: true, losses: [3], from: 0, to: 1, kinds: ["Vote", "Ping"] },
      { sent: 1, end: 5, arrived: false, losses: [], from: 0, to: 2, kinds: [""] },
      { sent: 2, end: undefined, arrived: false, losses: [], from: 2, to: 0, kinds: ["Ping"] },
    ])
  })
})
