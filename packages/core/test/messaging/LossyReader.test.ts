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
  const reader = yield* LossyReader.make(strategy, 3, () => lost++)
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
    assert.deepStrictEqual(item?.from, { name: "peer", generation: 1 })
    assert.strictEqual(item?.session, 4)
  }),
)
