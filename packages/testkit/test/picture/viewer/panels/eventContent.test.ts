import type { Event } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { TraceModel } from "../../../../src/picture/viewer/model/TraceModel.ts"
import { cutText, eventContent, swatchOf } from "../../../../src/picture/viewer/panels/eventContent.ts"
import { log, sent, traceOf } from "../../traces.ts"
import { textsOf, useFakeDocument } from "../fakeDocument.ts"
import { element } from "../../../../src/picture/viewer/dom.ts"

describe("eventContent", () => {
  useFakeDocument()

  const contentOf = (event: Event, limits: { readonly letters: number; readonly messages: number }) =>
    element("div", "", ...eventContent(new TraceModel(traceOf([event])), 0, limits))

  it("has the heading, the facts and the messages", () => {
    const content = contentOf(sent(0, 1, "a", "b", "Vote", "Ping"), { letters: 100, messages: 10 })
    assert.deepStrictEqual(textsOf(content, "heading"), ["a → b"])
    assert.deepStrictEqual(textsOf(content, "decoded"), ["VoteVote", "PingPing"])
    assert.deepStrictEqual(textsOf(content, "quiet"), [])
    assert.include(textsOf(content, "facts")[0], "sent0.000000 s")
  })

  it("truncates long texts, and counts the omitted messages", () => {
    const content = contentOf(sent(0, 1, "a", "b", "Heartbeat", "Ping", "Ping"), { letters: 5, messages: 1 })
    assert.deepStrictEqual(textsOf(content, "decoded"), ["HeartbeatHeart …"])
    assert.deepStrictEqual(textsOf(content, "quiet"), ["and 2 more messages"])
    const note = contentOf(log(0, "a"), { letters: 2, messages: 1 })
    assert.deepStrictEqual(textsOf(note, "heading"), ["a: …"])
  })

  it("truncates a text only if it is too long", () => {
    assert.strictEqual(cutText("heart", 5), "heart")
    assert.strictEqual(cutText("hearts", 5), "heart …")
  })

  it("marks kinds with the colour of their arrows", () => {
    const model = new TraceModel(traceOf([sent(0, 1, "a", "b", "Vote")]))
    assert.strictEqual(swatchOf(model, "Vote").className, "swatch k0")
    assert.strictEqual(swatchOf(model, "").className, "swatch bytes")
  })
})
