import type { Data } from "../../src/protocol/Frame.ts"
import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cost, fragmentBytes, minFragmentBytes } from "../../src/flow/cost.ts"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import { MeasuredLane } from "./MeasuredLane.ts"

const window = 4_096

/** Drives a correct sender and a receiver by a list of choices. */
const play = (sizes: ReadonlyArray<number>, choices: ReadonlyArray<number>) => {
  const messageBytes = 50_000
  const receiver = new MeasuredLane({ window, messageBytes })
  const fragment = fragmentBytes(window)
  const queue: Array<Data> = []
  for (const [i, size] of sizes.entries()) {
    let at = 0
    do {
      const n = Math.min(fragment, size - at)
      const first = at === 0
      const last = at + n === size
      queue.push({
        _tag: "Data",
        lane: 0,
        first,
        last,
        abort: false,
        payload: new Uint8Array(n).fill(i),
        ...(first && !last ? { total: size } : {}),
      })
      at += n
    } while (at < size)
  }
  let credit = window
  const inbox: Array<InboundMessage> = []
  const taken: Array<Uint8Array> = []
  let maxHeld = 0
  const take = (): void => {
    const message = inbox.shift()
    if (message === undefined) return
    taken.push(message.payload)
    receiver.onRead(message.cost)
  }
  const send = (): boolean => {
    const frame = queue[0]
    if (frame === undefined || cost(frame.payload.length) > credit) return false
    queue.shift()
    credit -= cost(frame.payload.length)
    const result = receiver.receive(frame)
    if (result instanceof ProtocolViolation) return assert.fail("a sender within its credit causes no violation")
    if (result !== undefined) inbox.push(result)
    return true
  }
  const grant = (): void => {
    credit += receiver.grant()
    assert.isAtMost(credit, window)
    maxHeld = Math.max(maxHeld, receiver.held())
  }
  for (const choice of choices) {
    if (choice % 3 === 0) take()
    else send()
    if (choice % 2 === 0) grant()
  }
  // The reader continues to read, so that everything arrives.
  for (let i = 0; i < 10_000 && (queue.length > 0 || inbox.length > 0); i++) {
    if (!send()) take()
    grant()
  }
  return { taken, maxHeld, credit, left: queue.length }
}

const integer = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const Sizes = Arbitrary.array(integer(20_000), { maxLength: 12 })
const Choices = Arbitrary.array(integer(100), { maxLength: 200 })

it.effect.prop(
  "every message arrives whole and in order within the memory limit, whatever the reader does",
  [Sizes, Choices],
  ([sizes, choices]) =>
    Effect.sync(() => {
      const { left, maxHeld, taken } = play(sizes, choices)
      assert.strictEqual(left, 0)
      assert.deepStrictEqual(
        taken.map((payload) => payload.length),
        sizes,
      )
      taken.forEach((payload, i) => assert.isTrue(payload.every((byte) => byte === i % 256)))
      const overhead = 64 * Math.ceil(20_000 / fragmentBytes(window))
      assert.isAtMost(maxHeld, window + 20_000 + overhead)
    }),
)

it("the lane grants credit half a window at a time, not per message", () => {
  const receiver = new ReceiveLane({ window, messageBytes: 1_000 })
  const payload = new Uint8Array(100)
  let frames = 0
  for (let i = 0; i < 200; i++) {
    const arrived = receiver.receive({ _tag: "Data", lane: 0, first: true, last: true, abort: false, payload })
    if (arrived !== undefined && !(arrived instanceof ProtocolViolation)) receiver.onRead(arrived.cost)
    const bytes = receiver.grant()
    if (bytes > 0) {
      frames++
      assert.isAtLeast(bytes, window / 2)
    }
  }
  assert.strictEqual(frames, Math.floor((200 * cost(100)) / Math.ceil(window / 2 / 164) / 164))
})

it("a closed lane keeps no payload, and still counts credit", () => {
  const receiver = new MeasuredLane({ window, messageBytes: 10_000 })
  const payload = new Uint8Array(1_000)
  const begun = { _tag: "Data", lane: 1, first: true, last: false, abort: false, total: 3_000, payload } as const
  const { total: _, ...next } = { ...begun, first: false }
  assert.strictEqual(receiver.receive(begun), undefined)
  receiver.close()
  assert.strictEqual(receiver.held(), 0)
  assert.strictEqual(receiver.receive(next), undefined)
  const arrived = receiver.receive({ ...next, last: true })
  if (arrived === undefined || arrived instanceof ProtocolViolation) return assert.fail("expected a message")
  assert.strictEqual(arrived.payload.length, 0, "no payload is reassembled")
  assert.instanceOf(receiver.receive({ ...next, last: true }), ProtocolViolation, "the rules still apply")
})

it("a message cannot arrive in more fragments than the minimum size allows", () => {
  const receiver = new ReceiveLane({ window, messageBytes: 1_000_000 })
  const first = new Uint8Array(minFragmentBytes)
  const begun = { _tag: "Data", lane: 0, first: true, last: false, abort: false, total: 1_000_000 } as const
  assert.strictEqual(receiver.receive({ ...begun, payload: first }), undefined)
  const { total: _, ...next } = { ...begun, first: false }
  for (const size of [0, 1, minFragmentBytes - 1]) {
    assert.instanceOf(receiver.receive({ ...next, payload: new Uint8Array(size) }), ProtocolViolation, `${size} bytes`)
  }
})

const firstOf = (payload: Uint8Array, total: number): Data => ({
  _tag: "Data",
  lane: 0,
  first: true,
  last: false,
  abort: false,
  total,
  payload,
})

const nextOf = (payload: Uint8Array, last: boolean): Data => ({
  _tag: "Data",
  lane: 0,
  first: false,
  last,
  abort: false,
  payload,
})

it("fragments that were written into their places are the message, without a copy", () => {
  const receiver = new ReceiveLane({ window, messageBytes: 10_000 })
  const first = receiver.place(true, 2_000, 1_000) ?? assert.fail("a fragment has a place")
  first.fill(1)
  assert.isUndefined(receiver.receive(firstOf(first, 2_000)))
  const last = receiver.place(false, undefined, 1_000) ?? assert.fail("a fragment has a place")
  last.fill(2)
  const arrived = receiver.receive(nextOf(last, true))
  if (arrived === undefined || arrived instanceof ProtocolViolation) return assert.fail("expected a message")
  assert.strictEqual(arrived.payload.buffer, first.buffer)
  assert.isTrue(arrived.payload.every((byte, i) => byte === (i < 1_000 ? 1 : 2)))
})

it("a sender that announces a long message and stops takes the memory of its credit, and not of the message", () => {
  const receiver = new ReceiveLane({ window, messageBytes: 10_000_000 })
  assert.isAtMost(receiver.place(true, 10_000_000, 1_000)?.buffer.byteLength ?? assert.fail("no place"), window)
})

it("the memory of a message follows the credit of its sender while another message is unread, and then doubles", () => {
  for (const isRead of [false, true]) {
    const receiver = new ReceiveLane({ window, messageBytes: 1_000_000 })
    const small = { ...nextOf(new Uint8Array(100), true), first: true }
    const unread = receiver.receive(small)
    if (unread === undefined || unread instanceof ProtocolViolation) return assert.fail("expected a message")
    if (isRead) receiver.onRead(unread.cost)
    let credit = window - unread.cost
    let first = true
    let sent = 0
    let capacity = 0
    for (;;) {
      const size = Math.min(minFragmentBytes, credit - 64)
      if (size < minFragmentBytes || sent > 100_000) break
      const place = receiver.place(first, first ? 1_000_000 : undefined, size) ?? assert.fail("no place")
      capacity = place.buffer.byteLength
      receiver.receive(first ? firstOf(place, 1_000_000) : nextOf(place, false))
      credit += receiver.grant() - cost(size)
      first = false
      sent += size
      assert.isAtMost(capacity, isRead ? 2 * sent + window : window)
    }
    assert.strictEqual(sent > 100_000, isRead)
  }
})

it("a fragment that breaks a rule has no place", () => {
  const make = () => new ReceiveLane({ window, messageBytes: 10_000 })
  const size = 1_000
  assert.isUndefined(make().place(true, 10_001, size), "longer than the limit")
  assert.isUndefined(make().place(true, undefined, size), "a complete message")
  assert.isUndefined(make().place(false, undefined, size), "no first fragment")
  assert.isUndefined(make().place(true, 10_000, window), "beyond the credit")
  const closed = make()
  closed.close()
  assert.isUndefined(closed.place(true, 10_000, size), "no reader")
  const begun = make()
  assert.isUndefined(begun.receive(firstOf(new Uint8Array(size), 1_500)))
  assert.isUndefined(begun.place(true, 10_000, size), "a second first fragment")
  assert.isUndefined(begun.place(false, undefined, size), "longer than announced")
})

it("a lane that closes while a fragment arrives keeps no payload", () => {
  const receiver = new ReceiveLane({ window, messageBytes: 10_000 })
  const first = receiver.place(true, 2_000, 1_000) ?? assert.fail("no place")
  receiver.close()
  assert.isUndefined(receiver.receive(firstOf(first, 2_000)))
  const arrived = receiver.receive(nextOf(new Uint8Array(1_000), true))
  if (arrived === undefined || arrived instanceof ProtocolViolation) return assert.fail("expected a message")
  assert.strictEqual(arrived.payload.length, 0)
})
