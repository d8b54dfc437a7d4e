import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { apply, makeView, type View, type ViewChange } from "../../src/ClusterEvent.ts"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import { ViewReader } from "../../src/messaging/ViewReader.ts"
import type { Peer } from "../../src/Peer.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const peer = (name: string, metadata: Readonly<Record<string, string>> = {}): Peer => ({
  name,
  generation: 1,
  status: "alive",
  link: "up",
  addresses: [],
  metadata,
})

const link = fakeLink({ peer: record(1, "b"), session: () => ({ session: 1 }) })

const lane: ReadableLane = { name: "orders", isOpen: true, acknowledge: () => undefined }

const capacity = 3

/** Makes a reader, a changing view, and the list of the views at which the messages arrived. */
const make = () => {
  let view = makeView({ self: peer("self") })
  const viewAt: Array<View> = []
  const reader = new ViewReader({ kept: 1_000, capacity, view: () => view })
  reader.begin()
  const change = () => {
    const event: ViewChange = { _tag: "MetadataChanged", peer: peer("b", { version: String(view.version) }) }
    view = apply(view, event)
    reader.onEvent(event)
  }
  const bring = () => {
    reader.offer(link, lane, {
      payload: new Uint8Array([viewAt.length]),
      cost: 1,
      confirm: undefined,
      trace: undefined,
      isOwned: true,
    })
    viewAt.push(view)
  }
  const pull = Effect.scoped(Effect.flatten(Stream.toPull(reader.stream)))
  return { reader, change, bring, pull, viewAt, view: () => view }
}

const Picks = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))), {
  maxLength: 100,
})

it.effect.prop(
  "changes of the view arrive in order among the messages, and are missed only with Lagged",
  [Picks],
  ([picks]) =>
    Effect.gen(function* () {
      const { bring, change, pull, view, viewAt } = make()
      let folded = makeView({ self: peer("nobody") })
      let messages = 0
      let isBehind = false
      const take = Effect.map(pull, (items) => {
        let changes = 0
        for (const item of items) {
          switch (item._tag) {
            case "Message": {
              const then = viewAt[messages]
              // After dropped changes the view is out of date until the `Snapshot`.
              assert.isAtMost(folded.version, then?.version ?? -1)
              if (!isBehind) isBehind = folded.version < (then?.version ?? -1)
              assert.strictEqual(item.payload[0], messages++)
              break
            }
            case "SessionStarted":
            case "SessionEnded":
              break
            case "Lagged":
              assert.isAbove(item.missed, capacity)
              isBehind = true
              break
            case "Snapshot":
              folded = item.view
              isBehind = false
              break
            default:
              assert.isFalse(isBehind, "no change directly follows a gap")
              folded = apply(folded, item)
              changes++
          }
        }
        assert.isAtMost(changes, capacity)
      })
      for (const pick of picks) {
        if (pick < 45) change()
        else if (pick < 90) bring()
        else {
          bring()
          yield* take
          assert.deepStrictEqual(folded, view())
        }
      }
      bring()
      yield* take
      assert.deepStrictEqual(folded, view())
      assert.strictEqual(messages, viewAt.length)
    }),
)

it.effect("keeps a bounded number of changes for a reader that does not read, and counts the dropped changes", () =>
  Effect.gen(function* () {
    const { bring, change, pull, view } = make()
    for (let i = 0; i < 10; i++) change()
    bring()
    const items = yield* pull
    assert.deepStrictEqual(
      items.map((item) => (item._tag === "Lagged" ? item : item._tag)),
      ["Snapshot", { _tag: "Lagged", missed: 8 }, "Snapshot", "MetadataChanged", "MetadataChanged", "Message"],
    )
    change()
    const [next] = yield* pull
    assert.strictEqual(next?._tag, "MetadataChanged")
    assert.strictEqual(view().version, 11)
  }),
)

it.effect("begins with the view at its start, even if it lags before its first read", () =>
  Effect.gen(function* () {
    const { bring, change, pull, reader } = make()
    reader.mark({ _tag: "SessionStarted", from: { name: "b", generation: 1 }, session: 1 })
    bring()
    for (let i = 0; i < 3 * (capacity + 1); i++) change()
    const items = yield* pull
    assert.deepStrictEqual(
      items.map((item) => {
        if (item._tag === "Snapshot") return `Snapshot ${item.view.version}`
        return item._tag === "Lagged" ? `Lagged ${item.missed}` : item._tag
      }),
      ["Snapshot 0", "SessionStarted", "Message", `Lagged ${3 * (capacity + 1)}`, `Snapshot ${3 * (capacity + 1)}`],
    )
  }),
)

it.effect("drops the view at its start once it was read", () =>
  Effect.gen(function* () {
    const { change, pull } = make()
    const [first] = yield* pull
    assert.strictEqual(first?._tag, "Snapshot")
    for (let i = 0; i < 2 * (capacity + 1); i++) change()
    assert.deepStrictEqual(
      (yield* pull).map(({ _tag }) => _tag),
      ["Lagged", "Snapshot"],
    )
  }),
)
