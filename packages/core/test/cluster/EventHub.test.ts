import type { View } from "@coterie/core/ClusterEvent"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { EventHub } from "../../src/cluster/EventHub.ts"

const peer = (name: string): Peer => ({
  name,
  generation: 1,
  status: "alive",
  link: "up",
  addresses: [],
  metadata: {},
})

/** Publishes `count` joins and returns the view after them. */
const publish = (hub: EventHub, from: View, count: number): View => {
  let view = from
  for (let i = 0; i < count; i++) {
    const event = { _tag: "Joined", peer: peer(`p${view.version}`) } as const
    view = ClusterEvent.apply(view, event)
    hub.publish(event, view)
  }
  return view
}

it.effect("a subscriber gets a snapshot and then every event", () =>
  Effect.gen(function* () {
    const hub = new EventHub(100)
    const before = publish(hub, ClusterEvent.emptyView, 3)
    const seen: Array<ClusterEvent.ClusterEvent> = []
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(hub.events, (event) => Effect.sync(() => seen.push(event))),
      { startImmediately: true },
    )
    yield* Effect.yieldNow
    publish(hub, before, 2)
    hub.end()
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      seen.map(({ _tag }) => _tag),
      ["Snapshot", "Joined", "Joined"],
    )
    assert.strictEqual(seen[0]?._tag === "Snapshot" ? seen[0].view.version : -1, 3)
  }),
)

it.effect("a subscriber that falls behind gets Lagged and a snapshot, and the fold of its events is the view", () =>
  Effect.gen(function* () {
    const hub = new EventHub(10)
    const gate = yield* Deferred.make<void>()
    let folded = ClusterEvent.emptyView
    const tags: Array<string> = []
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(hub.events, (event) => {
        folded = ClusterEvent.apply(folded, event)
        tags.push(event._tag === "Lagged" ? `Lagged ${event.missed}` : event._tag)
        return tags.length === 1 ? Deferred.await(gate) : Effect.void
      }),
      { startImmediately: true },
    )
    yield* Effect.yieldNow
    let view = publish(hub, ClusterEvent.emptyView, 25)
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.yieldNow
    yield* Effect.yieldNow
    view = publish(hub, view, 2)
    hub.end()
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(tags, ["Snapshot", "Lagged 25", "Snapshot", "Joined", "Joined"])
    assert.deepStrictEqual(folded, view)
  }),
)

it.effect("a slow subscriber of views skips views and gets the newest", () =>
  Effect.gen(function* () {
    const hub = new EventHub(10)
    const gate = yield* Deferred.make<void>()
    const versions: Array<number> = []
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(hub.views, ({ version }) => {
        versions.push(version)
        return versions.length === 1 ? Deferred.await(gate) : Effect.void
      }),
      { startImmediately: true },
    )
    yield* Effect.yieldNow
    publish(hub, ClusterEvent.emptyView, 25)
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.yieldNow
    hub.end()
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(versions, [0, 25])
  }),
)
