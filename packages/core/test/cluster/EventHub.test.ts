import type { ClusterEvent, Notice, View, ViewChange } from "@coterie/core/ClusterEvent"
import { apply } from "@coterie/core/ClusterEvent"
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { EventHub } from "../../src/cluster/EventHub.ts"
import { emptyView, peerOf } from "../peers.ts"

/** Makes a hub and the view that results from its events. */
const make = (capacity: number) => {
  let view: View = emptyView
  const hub = new EventHub({ view: () => view, capacity })
  const publish = (event: ViewChange | Notice) => {
    view = apply(view, event)
    hub.publish(event)
  }
  return {
    hub,
    publish,
    view: () => view,
    /** Publishes this number of joins. */
    joins: (count: number) => {
      for (let i = 0; i < count; i++) publish({ _tag: "Joined", peer: peerOf(`p${view.version}`) })
    },
  }
}

/** Runs a stream, and pauses at its first item until the gate opens. */
const readSlowly = Effect.fnUntraced(function* <A>(stream: Stream.Stream<A>) {
  const items: Array<A> = []
  const gate = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(
    Stream.runForEach(stream, (item) => (items.push(item) === 1 ? Deferred.await(gate) : Effect.void)),
    { startImmediately: true },
  )
  yield* Effect.yieldNow
  return { fiber, gate, items }
})

it.effect("a subscriber that falls behind gets Lagged and a snapshot, and the fold of its events is the view", () =>
  Effect.gen(function* () {
    const { hub, joins, view } = make(10)
    const { fiber, gate, items } = yield* readSlowly<ClusterEvent>(hub.events)
    joins(25)
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.yieldNow
    yield* Effect.yieldNow
    joins(2)
    hub.end()
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      items.map((event) => (event._tag === "Lagged" ? `Lagged ${event.missed}` : event._tag)),
      ["Snapshot", "Lagged 25", "Snapshot", "Joined", "Joined"],
    )
    assert.deepStrictEqual(items.reduce(apply, emptyView), view())
  }),
)

it.effect("a late subscriber sees in the snapshot that the node is isolated, and its current description", () =>
  Effect.gen(function* () {
    const { hub, publish } = make(10)
    const self = peerOf("self", { generation: 2, metadata: { role: "web" } })
    publish({ _tag: "SelfChanged", self })
    publish({ _tag: "Isolated" })
    const [first] = yield* Stream.runCollect(Stream.take(hub.events, 1))
    assert.deepInclude(first?._tag === "Snapshot" ? first.view : undefined, { self, isolated: true })
  }),
)

it.effect("a slow subscriber of views skips views and gets the newest one, and no view for a notice", () =>
  Effect.gen(function* () {
    const { hub, joins, publish } = make(10)
    const { fiber, gate, items } = yield* readSlowly(hub.views)
    joins(25)
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.yieldNow
    yield* Effect.yieldNow
    publish({ _tag: "Diagnostic", message: "" })
    yield* Effect.yieldNow
    hub.end()
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      items.map(({ version }) => version),
      [0, 25],
    )
  }),
)
