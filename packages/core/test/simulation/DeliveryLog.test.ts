import type { Message, SessionEnded, SessionStarted } from "@coterie/core/Message"
import { SendError, SlowPeer } from "@coterie/core/ClusterError"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { DeliveryLog } from "./DeliveryLog.ts"

const make = () => {
  const wrong: Array<string> = []
  const log = new DeliveryLog((each) => void wrong.push(each))
  const [a, b] = [{ name: "a" }, { name: "b" }]
  log.begin(a)
  log.begin(b)
  return { wrong, log, a, b }
}

const from = { name: "a", generation: 1 }

const message = (text: string, session = 1): Message => ({
  _tag: "Message",
  from,
  session,
  payload: new TextEncoder().encode(text),
  text,
  span: undefined,
})

const ended = (session: number): SessionEnded => ({ _tag: "SessionEnded", from, session })

const started = (session: number): SessionStarted => ({ _tag: "SessionStarted", from, session })

const slow = new SendError({ peer: "b", reason: new SlowPeer({ waited: Duration.zero }) })

describe("a delivery log", () => {
  it("accepts messages of a session that arrive in order and without a gap", () => {
    const { a, b, log, wrong } = make()
    const next = log.sequence(a, "orders")
    const reader = log.reader(b, "orders")
    reader.receive([started(1)])
    for (let i = 0; i < 3; i++) {
      const { reported, text } = next()
      reported({ sent: ["b"], failed: [] })
      reader.receive([message(text)])
    }
    assert.deepStrictEqual(wrong, [])
    assert.strictEqual(log.received(b), 3)
    assert.strictEqual(log.pending(a), 0)
    assert.deepStrictEqual([...log.outcomes], [["reported", 3]])
  })

  it("reports an accepted message that is missing within a session, but not between sessions", () => {
    for (const [session, count] of [
      [1, 1],
      [2, 0],
    ] as const) {
      const { a, b, log, wrong } = make()
      const next = log.sequence(a)
      const reader = log.reader(b)
      const sent = [next({ to: "b" }), next({ to: "b" }), next({ to: "b" })]
      for (const each of sent) each.sent("accepted")
      reader.receive([message(sent[0]?.text ?? ""), message(sent[2]?.text ?? "", session)])
      assert.strictEqual(wrong.length, count, `session ${session}`)
    }
  })

  it("reports no gap for a refused message", () => {
    const { a, b, log, wrong } = make()
    const next = log.sequence(a)
    const reader = log.reader(b)
    const [first, second, third] = [next({ to: "b" }), next({ to: "b" }), next({ to: "b" })]
    first.sent("accepted")
    second.failed(slow)
    third.sent("accepted")
    reader.receive([message(first.text), message(third.text)])
    assert.deepStrictEqual(wrong, [])
  })

  it("reports a message that is repeated, out of order, or was never sent", () => {
    const { a, b, log, wrong } = make()
    const next = log.sequence(a)
    const reader = log.reader(b)
    const { sent, text } = next({ to: "b" })
    sent("accepted")
    reader.receive([message(text), message(text), message("7 7 ")])
    assert.strictEqual(wrong.length, 2)
    assert.include(wrong[0], "none twice")
    assert.include(wrong[1], "no life sent 7 7")
  })

  it("reports a received message whose send was refused, in either order", () => {
    for (const isReceivedFirst of [true, false]) {
      const { a, b, log, wrong } = make()
      const { failed, text } = log.sequence(a)({ to: "b" })
      const reader = log.reader(b)
      if (isReceivedFirst) reader.receive([message(text)])
      failed(slow)
      if (!isReceivedFirst) reader.receive([message(text)])
      assert.strictEqual(wrong.length, 1)
    }
  })

  it("reports an acknowledged message that a paused reader has not received, and settle reports the others", () => {
    for (const isPaused of [true, false]) {
      const { a, b, log, wrong } = make()
      const { sent } = log.sequence(a)({ to: "b" })
      log.reader(b).isPaused = isPaused
      sent("taken")
      assert.strictEqual(wrong.length, isPaused ? 1 : 0)
      log.settle()
      assert.strictEqual(wrong.length, isPaused ? 2 : 1)
    }
  })

  it("expects no message of a life that has ended", () => {
    const { a, log, wrong } = make()
    const { sent } = log.sequence(a)({ to: "b" })
    log.begin({ name: "b" })
    sent("taken")
    log.settle()
    assert.deepStrictEqual(wrong, [])
  })

  it("reports a session that continues after its end, and on a lane a session whose end is missing", () => {
    const { a, b, log, wrong } = make()
    const next = log.sequence(a, "orders")
    const reader = log.reader(b, "orders")
    const texts = [next(), next(), next()].map((each) => {
      each.reported({ sent: ["b"], failed: [] })
      return each.text
    })
    reader.receive([started(1), message(texts[0] ?? "", 1), ended(1), message(texts[1] ?? "", 1)])
    assert.strictEqual(wrong.length, 1)
    reader.receive([started(2), message(texts[2] ?? "", 2)])
    assert.strictEqual(wrong.length, 2)
    assert.include(wrong[1], "the end of 1 was not reported")
  })

  it("reports on a lane a message before the start of its session, and a session that starts twice", () => {
    const { a, b, log, wrong } = make()
    const next = log.sequence(a, "orders")()
    next.reported({ sent: ["b"], failed: [] })
    const reader = log.reader(b, "orders")
    reader.receive([message(next.text, 1)])
    assert.deepStrictEqual(wrong, ["b on orders: Message of session 1 with a#1 before its begin"])
    reader.receive([started(2), started(2)])
    assert.include(wrong.at(-1), "session 2 with a#1 begins twice")
  })

  it("reports a send with two results", () => {
    const { a, log, wrong } = make()
    const { sent, unsent } = log.sequence(a)({ to: "b" })
    sent("accepted")
    unsent()
    assert.strictEqual(wrong.length, 1)
  })
})
