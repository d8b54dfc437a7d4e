import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as LossyReader from "../../src/messaging/LossyReader.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const link = fakeLink({ peer: record(1), session: () => ({ session: 4 }) })

/** Offers five messages to a reader with room for three; returns what it reads, how many were lost, and how many were taken. */
const offerFive = Effect.fnUntraced(function* (strategy: "dropping" | "sliding") {
  let lost = 0
  let taken = 0
  const reader = yield* LossyReader.make({ strategy, capacity: 3, gaps: false, onLost: () => lost++ })
  const lane = { name: "orders", isOpen: true, acknowledge: () => void taken++ }
  for (let i = 1; i <= 5; i++) {
    const payload = Uint8Array.of(i)
    reader.offer(link, lane, { payload, cost: 10, confirm: undefined, trace: undefined })
  }
  yield* reader.end
  const items = yield* Stream.runCollect(reader.stream)
  return { numbers: items.map((item) => (item._tag === "Message" ? item.payload[0] : item)), lost, taken, items }
})

it.effect("loses the newest messages with dropping, and says how many", () =>
  Effect.gen(function* () {
    const { lost, numbers, taken } = yield* offerFive("dropping")
    assert.deepStrictEqual(numbers, [1, 2, 3])
    assert.strictEqual(lost, 2)
    assert.strictEqual(taken, 5, "no sender waits for it")
  }),
)

it.effect("loses the oldest messages with sliding, and says how many", () =>
  Effect.gen(function* () {
    const { lost, numbers, taken } = yield* offerFive("sliding")
    assert.deepStrictEqual(numbers, [3, 4, 5])
    assert.strictEqual(lost, 2)
    assert.strictEqual(taken, 5)
  }),
)

it.effect("gives each message its sender and its session", () =>
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
    reader.offer(link, lane, { payload: Uint8Array.of(number), cost: 10, confirm: undefined, trace: undefined })
  }
}
const ended = { _tag: "SessionEnded", from: { name: "peer", generation: 1 }, session: 4 } as const

/** Returns the numbers of the messages, and in their places how many were lost and which sessions ended. */
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
  it.effect(`tells with gaps how many messages ${strategy} lost, where they are missing`, () =>
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

it.effect("tells with gaps of the end of a session, in its place or, if that is lost, as a loss", () =>
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
