import * as Transport from "@coterie/core/Transport"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import { monotonicMillis } from "../../src/internal/time.ts"
import { SharedNames } from "../../src/internal/SharedNames.ts"
import { HandshakeRejected, type HandshakeError } from "../../src/link/Handshake.ts"
import * as Member from "../../src/membership/Member.ts"
import { claimInterval } from "../../src/membership/Settings.ts"
import type * as State from "../../src/membership/State.ts"
import { AddressDialer } from "../../src/peering/AddressDialer.ts"
import { PeerDialer } from "../../src/peering/PeerDialer.ts"
import type * as Reconnect from "../../src/Reconnect.ts"
import { RetryAfter } from "../../src/peering/RetryAfter.ts"
import { addressOf, recordOf } from "../membership/support.ts"
import { initial, makeLoop } from "./support.ts"

/** Returns the state of node `a` that has lost the link to a peer, or has another reach of it. */
const lost = (reach: Member.Reach["_tag"] = "Down"): State.State => ({
  ...initial,
  touched: new Set(["b"]),
  linked: SharedNames.of(...(reach === "Linked" ? ["b"] : [])),
  members: new Map([["b", Member.make(recordOf("b"), reach)]]),
})

/** Returns the state of node `a`, or of another name, with peer `b` as a candidate. */
const heardOf = (self: string): State.State => ({
  ...initial,
  self: recordOf(self),
  touched: new Set(["b"]),
  candidates: new Map([["b", { record: recordOf("b"), expiresAt: 1_000_000_000, announcer: "c" }]]),
})

/** Creates a dialer of peers whose dials all fail with this error, and the times of its dials. */
const make = Effect.fnUntraced(function* (
  state: State.State,
  error: HandshakeError = refused,
  pauseClock?: Clock.Clock,
  reconnect: Reconnect.Policy = Schedule.spaced("1 second"),
) {
  const clock = yield* Clock.Clock
  const { inputs, loop } = yield* makeLoop(undefined, { initial: state })
  yield* Effect.forkChild(loop.run({ perform: () => undefined, changed: () => undefined }))
  const start = clock.currentTimeMillisUnsafe()
  const times: Array<number> = []
  const links = {
    dial: () =>
      Effect.suspend(() => {
        times.push(clock.currentTimeMillisUnsafe() - start)
        return Effect.fail(error)
      }),
  }
  const dialer = new PeerDialer({
    loop,
    addresses: new AddressDialer(loop, links, new RetryAfter(pauseClock ?? clock)),
    reconnect,
    healthy: 3_000,
    clock,
    fork: yield* FiberSet.makeRuntime<never, void, never>(),
  })
  const reports = () => inputs.filter(({ _tag }) => _tag !== "Tick")
  return { clock, dialer, times, reports }
})

const refused = new Transport.TransportError({ reason: "refused", message: "" })

describe("a peer that should have a link", () => {
  it.effect("is dialed at once and on the schedule, and each failure is reported to the membership", () =>
    Effect.gen(function* () {
      const { dialer, reports, times } = yield* make(lost())
      dialer.reconcile(lost())
      yield* Effect.sleep(2_500)
      assert.deepStrictEqual(times, [0, 1_000, 2_000])
      assert.deepStrictEqual(reports()[0], { _tag: "DialFailed", name: "b", refused: true })
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("has the last failed dial and the number of failures, until it has a link or is forgotten", () =>
    Effect.gen(function* () {
      for (const after of [lost("Linked"), { ...initial, touched: new Set(["b"]) }]) {
        const { clock, dialer } = yield* make(lost())
        const peer = recordOf("b")
        assert.isUndefined(dialer.failures.of(peer))
        dialer.reconcile(lost())
        yield* Effect.sleep(2_500)
        const at = monotonicMillis(clock) - 500
        assert.deepInclude(dialer.failures.of(peer), { address: addressOf("b"), error: refused, at, attempts: 3 })
        dialer.reconcile(after)
        assert.isUndefined(dialer.failures.of(peer))
      }
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("is not dialed any more once it has a link or is forgotten", () =>
    Effect.gen(function* () {
      for (const after of [lost("Linked"), { ...initial, touched: new Set(["b"]) }]) {
        const { dialer, times } = yield* make(lost())
        dialer.reconcile(lost())
        yield* Effect.sleep(500)
        dialer.reconcile(after)
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(times, [0])
      }
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect(
    "that this node has just learned of is dialed at once by the lower name, and after two seconds by the higher",
    () =>
      Effect.gen(function* () {
        for (const [self, first] of [
          ["a", 0],
          ["c", 2_000],
        ] as const) {
          const { dialer, times } = yield* make(heardOf(self))
          dialer.reconcile(heardOf(self))
          yield* Effect.sleep(2_500)
          assert.strictEqual(times[0], first)
        }
      }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("that others claim to be a newer process of this node is dialed often, but not once per claim", () =>
    Effect.gen(function* () {
      const claimed = (generation: number): State.State => {
        const claim = { generation, addresses: [], expiresAt: 1_000_000_000, hasFailed: false }
        return { ...initial, touched: new Set([initial.self.name]), claims: new Map([["c", claim]]) }
      }
      const { dialer, reports } = yield* make(claimed(1), refused, undefined, Schedule.spaced("1 minute"))
      for (let generation = 1; generation <= 10; generation++) dialer.reconcile(claimed(generation))
      yield* Effect.sleep(2.5 * claimInterval)
      const failure = { _tag: "DialFailed", name: initial.self.name, refused: false } as const
      assert.deepStrictEqual(reports(), [failure, failure, failure])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("whose link ended at once is dialed after a pause, and a peer whose link was healthy at once", () =>
    Effect.gen(function* () {
      for (const [lived, pause] of [
        [1_000, 1_000],
        [3_000, 0],
      ] as const) {
        const { dialer, times } = yield* make(lost())
        dialer.reconcile(lost())
        yield* Effect.sleep(500)
        dialer.reconcile(lost("Linked"))
        yield* Effect.sleep(lived)
        dialer.reconcile(lost())
        yield* Effect.sleep(1_500)
        assert.deepStrictEqual(times.slice(0, 2), [0, 500 + lived + pause])
      }
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect(
    "is dialed with a new schedule if it was forgotten after the end of its schedule, and is announced again",
    () =>
      Effect.gen(function* () {
        const { dialer, times } = yield* make(lost(), refused, undefined, Schedule.recurs(0))
        dialer.reconcile(lost())
        yield* Effect.sleep("1 seconds")
        dialer.reconcile(lost())
        yield* Effect.sleep("1 seconds")
        assert.deepStrictEqual(times, [0])
        dialer.reconcile({ ...initial, touched: new Set(["b"]) })
        dialer.reconcile(lost())
        yield* Effect.sleep("1 seconds")
        assert.deepStrictEqual(times, [0, 2_000])
      }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("is dialed with a new schedule for a newer life, although the schedule of the earlier life has ended", () =>
    Effect.gen(function* () {
      const { dialer, times } = yield* make(lost(), refused, undefined, Schedule.recurs(0))
      dialer.reconcile(lost())
      yield* Effect.sleep("1 seconds")
      const { generation, ...record } = recordOf("b")
      const newer = Member.make({ ...record, generation: generation + 1 }, "Down")
      dialer.reconcile({ ...lost(), members: new Map([["b", newer]]) })
      yield* Effect.sleep("1 seconds")
      assert.deepStrictEqual(times, [0, 1_000])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("that is busy is dialed as soon as allowed, even if the timer of the pause is early", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      // A timer of Node may fire some milliseconds early on the monotonic clock.
      const slow: Clock.Clock = {
        ...clock,
        monotonicTimeNanosUnsafe: () => (clock.monotonicTimeNanosUnsafe() * 999n) / 1_000n,
      }
      const busy = new HandshakeRejected({ code: "busy", message: "", by: "them", retryAfter: 3_000 })
      const { dialer, reports, times } = yield* make(lost(), busy, slow)
      dialer.reconcile(lost())
      yield* Effect.sleep(6_500)
      assert.isAtLeast(times.length, 2)
      assert.strictEqual(reports().length, times.length, "no failure is reported without a dial")
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("without an address does not count as a peer that refused", () =>
    Effect.gen(function* () {
      const record = recordOf("b")
      const homeless = { ...record, body: { ...record.body, addresses: [] } }
      const state = { ...lost(), members: new Map([["b", Member.make(homeless, "Down")]]) }
      const { dialer, reports, times } = yield* make(state)
      dialer.reconcile(state)
      yield* Effect.sleep(500)
      assert.deepStrictEqual(times, [])
      assert.deepStrictEqual(reports(), [{ _tag: "DialFailed", name: "b", refused: false }])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})

/** Map that counts the complete iterations over it. */
class CountedMap<V> extends Map<string, V> {
  scans = 0

  override [Symbol.iterator](): MapIterator<[string, V]> {
    this.scans++
    return super[Symbol.iterator]()
  }

  override keys(): MapIterator<string> {
    this.scans++
    return super.keys()
  }

  override values(): MapIterator<V> {
    this.scans++
    return super.values()
  }
}

it.effect("visits only the peers that a step changed, however many other peers there are", () =>
  Effect.gen(function* () {
    const candidates = new CountedMap<State.Candidate>()
    for (let i = 0; i < 1_000; i++) {
      candidates.set(`ghost ${i}`, { record: recordOf(`ghost ${i}`), expiresAt: 1_000_000_000, announcer: "c" })
    }
    const state: State.State = { ...initial, candidates, touched: new Set(candidates.keys()) }
    candidates.scans = 0
    const { dialer, times } = yield* make(state)
    dialer.reconcile(state)
    assert.isAtMost(times.length, 64, "the dials of a thousand peers start in several turns")
    yield* Effect.sleep(1_500)
    assert.isAtLeast(times.length, 1_000)
    for (let i = 0; i < 1_000; i++) dialer.reconcile({ ...state, touched: new Set([`ghost ${i}`]) })
    assert.strictEqual(candidates.scans, 0)
  }).pipe(Effect.scoped, VirtualTime.flow),
)
