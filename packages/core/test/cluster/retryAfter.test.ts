/**
 * The pause that a peer requests with the `retryAfter` of a HelloReject (docs/protocol.md, section "How the acceptor
 * judges a Hello").
 */
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { maxRetryAfterMillis } from "../../src/peering/RetryAfter.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Time between two attempts without `retryAfter`, in milliseconds: the schedule of the tests and a round trip. */
const usualPause = 200

/** Listens with a name, rejects every connection as busy, and records the times of their arrival. */
const rejectAll = Effect.fnUntraced(function* (network: SimNetwork.Shape, retryAfter: number) {
  const transport = Context.get(yield* Layer.build(network.transport("busy")), Transport.Transport)
  const listener = yield* transport.listen
  const times: Array<number> = []
  const reject = FrameEncoder.encode({ _tag: "HelloReject", code: "busy", message: "later", retryAfter })
  yield* Effect.forkScoped(
    listener.run((connection) =>
      Effect.gen(function* () {
        times.push(yield* Clock.currentTimeMillis)
        yield* connection.write([reject])
        yield* connection.end
        yield* Effect.forever(connection.pull)
      }).pipe(Effect.ignore),
    ),
  )
  return { address: listener.addresses[0], times }
})

/** Returns the shortest and the longest pause between two of the times. */
const pauses = (times: ReadonlyArray<number>): { readonly shortest: number; readonly longest: number } => {
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  assert.isAbove(gaps.length, 1, "there are several attempts")
  return { shortest: Math.min(...gaps), longest: Math.max(...gaps) }
}

World.simulated("a busy seed is dialed again only after its retryAfter", ({ node }, network) =>
  Effect.gen(function* () {
    const busy = yield* rejectAll(network, 3_000)
    yield* node("a", { seeds: [busy.address] })
    yield* Effect.sleep("20 seconds")
    const { longest, shortest } = pauses(busy.times)
    assert.isAtLeast(shortest, 3_000)
    assert.isAtMost(longest, 1.25 * 3_000 + usualPause)
  }),
)

World.simulated("a join dials a busy peer again only after its retryAfter", ({ node }, network) =>
  Effect.gen(function* () {
    const busy = yield* rejectAll(network, 3_000)
    const a = yield* node("a")
    yield* Effect.forkScoped(Effect.ignore(a.cluster.join(busy.address)))
    yield* Effect.sleep("20 seconds")
    const { longest, shortest } = pauses(busy.times)
    assert.isAtLeast(shortest, 3_000)
    assert.isAtMost(longest, 1.25 * 3_000 + usualPause)
  }),
)

World.simulated("a join ends when the peer has a link, even during the retryAfter of the peer", ({ node }, network) =>
  Effect.gen(function* () {
    const busy = yield* rejectAll(network, maxRetryAfterMillis)
    const a = yield* node("a")
    const joining = yield* Effect.forkScoped(a.cluster.join(busy.address))
    yield* Effect.sleep("1 second")
    const peer = yield* RawPeer.connect(network, a)
    const record = RawPeer.record()
    yield* peer.completeHandshake({ record: { ...record, body: { ...record.body, addresses: [busy.address] } } })
    yield* World.until(a, ({ peers }) => peers.get("m")?.link === "up")
    yield* Effect.forkScoped(
      Effect.ignore(Effect.forever(Effect.andThen(peer.send(RawPeer.heartbeat), Effect.sleep("100 millis")))),
    )
    const joined = yield* Effect.timeoutOption(Fiber.join(joining), "10 seconds")
    assert.strictEqual(Option.getOrUndefined(joined)?.name, "m")
  }),
)

World.simulated("a busy peer is dialed again only after its retryAfter", ({ node }, network) =>
  Effect.gen(function* () {
    const busy = yield* rejectAll(network, 3_000)
    const a = yield* node("a")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const peer = yield* RawPeer.connect(network, a)
        const record = RawPeer.record()
        yield* peer.completeHandshake({ record: { ...record, body: { ...record.body, addresses: [busy.address] } } })
        yield* World.until(a, ({ peers }) => peers.get("m")?.link === "up")
      }),
    )
    yield* Effect.sleep("20 seconds")
    const { longest, shortest } = pauses(busy.times)
    assert.isAtLeast(shortest, 3_000)
    assert.isAtMost(longest, 1.25 * 3_000 + usualPause)
  }),
)

World.simulated("a peer cannot delay the next dial by more than a minute", ({ node }, network) =>
  Effect.gen(function* () {
    const busy = yield* rejectAll(network, 0xffff_ffff)
    yield* node("a", { seeds: [busy.address] })
    yield* Effect.sleep("210 seconds")
    const { longest, shortest } = pauses(busy.times)
    assert.isAtLeast(shortest, maxRetryAfterMillis)
    assert.isAtMost(longest, maxRetryAfterMillis + usualPause)
  }),
)
