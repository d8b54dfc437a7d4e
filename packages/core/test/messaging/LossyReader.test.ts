import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as LossyReader from "../../src/messaging/LossyReader.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const link = fakeLink({ peer: record(1), session: () => ({ session: 4 }) })

/**
 * Offers five messages to a reader with room for three. Returns the messages that it reads, and the numbers of lost and
 * taken messages.
 */
const offerFive = Effect.fnUntraced(function* (strategy: "dropping" | "sliding") {
  let lost = 0
  let taken = 0
  const reader = yield* LossyReader.make({ strategy, capacity: 3, gaps: false, onLost: () => lost++ })
  const lane = { name: "orders", isOpen: true, acknowledge: () => void taken++ }
  for (let i = 1; i <= 5; i++) {
    const payload = Uint8Array.of(i)
    reader.offer(link, lane, { payload, cost: 10, confirm: undefined, trace: undefined, isOwned: true })
  }
  yield* reader.end
  const items = yield* Stream.runCollect(reader.stream)
  return { numbers: items.map((item) => (item._tag === "Message" ? item.payload[0] : item)), lost, taken, items }
})

it.effect("loses the newest messages with dropping, and counts them", () =>
  Effect.gen(function* () {
    const { lost, numbers, taken } = yield* offerFive("dropping")
    assert.deepStrictEqual(numbers, [1, 2, 3])
    assert.strictEqual(lost, 2)
    assert.strictEqual(taken, 5, "no sender waits")
  }),
)

it.effect("loses the oldest messages with sliding, and counts them", () =>
  Effect.gen(function* () {
    const { lost, numbers, taken } = yield* offerFive("sliding")
    assert.deepStrictEqual(numbers, [3, 4, 5])
    assert.strictEqual(lost, 2)
    assert.strictEqual(taken, 5)
  }),
)

it.effect("reports the sender and the session of each message", () =>
  Effect.gen(function* () {
    const [item] = (yield* offerFive("dropping")).items
    if (item?._tag !== "Message") return assert.fail("no message")
    assert.deepStrictEqual(item.from, { name: "peer", generation: 1 })
    assert.strictEqual(item.session, 4)
  }),
)

const lane = { name: "orders", isOpen: true, acknowledge: () => undefined }
const offer = (reader: LossyReader.LossyReader, ...numbers: ReadonlyArray<number>): void => {
  for (const number of numbers) {
    reader.offer(link, lane, {
      payload: Uint8Array.of(number),
      cost: 10,
      confirm: undefined,
      trace: undefined,
      isOwned: true,
    })
  }
}
const ended = { _tag: "SessionEnded", from: { name: "peer", generation: 1 }, session: 4 } as const

/** Returns the numbers of the messages, with the lost messages and the ends of sessions at their positions. */
const readAll = (reader: LossyReader.LossyReader) =>
  Stream.runFold(
    reader.stream,
    (): Array<number | string> => [],
    (read, item) => {
      if (item._tag === "Message") read.push(item.payload[0] ?? 0)
      else read.push(item._tag === "MessagesLost" ? `${item.count} lost` : `end of ${item.session}`)
      return read
    },
  )

for (const [strategy, expected] of [
  ["dropping", [1, 2, 3, "2 lost"]],
  ["sliding", ["2 lost", 3, 4, 5]],
] as const) {
  it.effect(`marks with gaps the messages that ${strategy} lost, at their position`, () =>
    Effect.gen(function* () {
      let lost = 0
      const reader = yield* LossyReader.make({ strategy, capacity: 3, gaps: true, onLost: () => lost++ })
      offer(reader, 1, 2, 3, 4, 5)
      yield* reader.end
      assert.deepStrictEqual(yield* readAll(reader), [...expected])
      assert.strictEqual(lost, 2)
    }),
  )
}

it.effect("marks with gaps the end of a session at its position, or as a loss if the marker is lost", () =>
  Effect.gen(function* () {
    const make = (gaps: boolean) =>
      LossyReader.make({ strategy: "dropping", capacity: 3, gaps, onLost: () => undefined })
    const [roomy, full, plain] = [yield* make(true), yield* make(true), yield* make(false)]
    offer(roomy, 1)
    roomy.mark(ended)
    offer(roomy, 2)
    offer(full, 1, 2, 3)
    full.mark(ended)
    offer(plain, 1)
    plain.mark(ended)
    for (const reader of [roomy, full, plain]) yield* reader.end
    assert.deepStrictEqual(yield* readAll(roomy), [1, "end of 4", 2])
    assert.deepStrictEqual(yield* readAll(full), [1, 2, 3, "0 lost"])
    assert.deepStrictEqual(yield* readAll(plain), [1])
  }),
)
