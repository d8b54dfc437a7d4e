import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { DuplicateName, OtherCluster, StoppedError, Superseded } from "../../src/ClusterError.ts"
import { makeView } from "../../src/ClusterEvent.ts"
import { defaultFailOn, SeedOutcomes } from "../../src/cluster/SeedOutcomes.ts"
import { StatusTracker } from "../../src/cluster/StatusTracker.ts"
import { SharedNames } from "../../src/internal/SharedNames.ts"
import { HandshakeFailed, HandshakeRejected } from "../../src/link/Handshake.ts"
import type { State } from "../../src/membership/State.ts"
import { addressOf } from "../membership/support.ts"
import { initial } from "../peering/support.ts"
import { peerOf } from "../peers.ts"

const seed = addressOf("b")
const namesakeTimeout = 1_000
const olderTimeout = 5_000

const timeout = new HandshakeFailed({ reason: "timeout", message: "no answer in time" })
const otherCluster = new HandshakeRejected({ code: "label", message: "why", by: "them" })
const namesake = new HandshakeRejected({ code: "duplicate", message: "why", by: "them" })
const newerNamesake = new HandshakeRejected({ code: "duplicate", message: "why", by: "us" })
const namesakeElsewhere = new HandshakeRejected({ code: "duplicate", message: "why", by: "them", atLeastGeneration: 7 })

const stoppedError = new StoppedError({ reason: new Superseded() })

/** Makes the status of a node with these seeds and without discovered addresses. */
const make = Effect.fnUntraced(function* (seeds: ReadonlyArray<typeof seed> = []) {
  const outcomes = new SeedOutcomes({ failOn: defaultFailOn, namesakeTimeout, olderTimeout })
  for (const address of seeds) outcomes.addSeed(address)
  outcomes.endDiscovery()
  let state = initial
  const tracker = new StatusTracker({ clock: yield* Clock.Clock, outcomes, state: () => state })
  /** Changes the membership to these members, with links to those in `linked`. */
  const meet = (
    members: ReadonlyArray<string>,
    linked = members,
    phase: State["phase"] = { _tag: "Running" },
    isolated = false,
  ) => {
    const view = makeView({ self: initial.view.self, peers: members.map((name) => peerOf(name)), isolated })
    state = { ...initial, phase, view, linked: SharedNames.of(...linked) }
    tracker.changed()
  }
  return { meet, outcomes, tracker }
})

const alone = { _tag: "Alone", reason: "unavailable", message: "b:24868: no answer in time" } as const

describe("the status of a node", () => {
  it.effect("is `Starting` until the node is started, and then until every seed was tried", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      assert.deepStrictEqual(tracker.status, { _tag: "Starting", reason: "notStarted" })
      tracker.tried(seed, timeout)
      assert.deepStrictEqual(tracker.status, { _tag: "Starting", reason: "notStarted" })

      const { tracker: other } = yield* make([seed])
      other.started()
      assert.deepStrictEqual(other.status, { _tag: "Starting", reason: "joining" })
      other.tried(seed, timeout)
      assert.deepStrictEqual(other.status, alone)
    }),
  )

  it.effect("has the last error of the addresses while the node is alone", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      tracker.started()
      tracker.tried(seed, timeout)
      assert.deepStrictEqual(tracker.status, alone)
      tracker.tried(seed, new HandshakeFailed({ reason: "lost", message: "the peer closed the connection" }))
      assert.deepStrictEqual(tracker.status, { ...alone, message: "b:24868: the peer closed the connection" })
    }),
  )

  it.effect("is `Starting` for a limited time", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      tracker.started()
      tracker.timedOut()
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "unavailable" })
    }),
  )

  it.effect("is `Starting` until a namesake has refused for a link timeout", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      tracker.started()
      tracker.tried(seed, namesake)
      assert.deepInclude(tracker.status, { _tag: "Starting" })
      yield* TestClock.adjust("1 second")
      tracker.changed()
      assert.deepInclude(tracker.status, { _tag: "Alone" })
    }),
  )

  it.effect("is `Starting` until the addresses of the first discovered set were tried", () =>
    Effect.gen(function* () {
      const outcomes = new SeedOutcomes({ failOn: [], namesakeTimeout: 0, olderTimeout: 0 })
      const tracker = new StatusTracker({ clock: yield* Clock.Clock, outcomes, state: () => initial })
      tracker.started()
      assert.deepInclude(tracker.status, { _tag: "Starting" })
      tracker.discovered([seed])
      assert.deepInclude(tracker.status, { _tag: "Starting" })
      tracker.tried(seed, timeout)
      assert.deepStrictEqual(tracker.status, alone)
      tracker.discovered([])
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "noSeeds" })
    }),
  )

  it.effect("is `Alone` at once if the discovery ended and there is no address to dial", () =>
    Effect.gen(function* () {
      const outcomes = new SeedOutcomes({ failOn: [], namesakeTimeout: 0, olderTimeout: 0 })
      const tracker = new StatusTracker({ clock: yield* Clock.Clock, outcomes, state: () => initial })
      tracker.started()
      tracker.discoveryEnded()
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "noSeeds" })
    }),
  )

  it.effect("is `Member` while there is a link, with the number of members", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      tracker.started()
      meet(["b", "c"], ["b"])
      assert.deepStrictEqual(tracker.status, { _tag: "Member", peers: 2 })
      meet(["b", "c"], [])
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "isolated" })
      meet([], [], { _tag: "Running" }, true)
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "isolated" })
      meet([])
      assert.deepInclude(tracker.status, { _tag: "Alone", reason: "unavailable" })
    }),
  )

  it.effect("is not `Starting` again after a link, although a seed was not tried", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      tracker.started()
      meet(["c"])
      meet([])
      assert.deepInclude(tracker.status, { _tag: "Alone" })
    }),
  )

  it.effect("is `Leaving` from the start of the leave, and `Stopped` at the end, with the first error", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      tracker.started()
      meet(["b"], ["b"], { _tag: "Leaving", awaiting: new Set(), until: 0 })
      assert.deepStrictEqual(tracker.status, { _tag: "Leaving" })
      tracker.stopping(stoppedError)
      tracker.stopping(undefined)
      assert.deepStrictEqual(tracker.status, { _tag: "Leaving", error: stoppedError })
      tracker.stopped(stoppedError)
      assert.deepStrictEqual(tracker.status, { _tag: "Stopped", error: stoppedError })
    }),
  )

  it.effect("is published when it changes, and the stream ends after `Stopped`", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      const seen: Array<string> = []
      const reading = yield* Effect.forkChild(
        Stream.runForEach(tracker.statuses, (status) =>
          Effect.sync(() => seen.push(status._tag === "Member" ? `Member of ${status.peers}` : status._tag)),
        ),
        { startImmediately: true },
      )
      const settle = Effect.repeat(Effect.yieldNow, { times: 2 })
      for (const change of [
        () => tracker.started(),
        () => meet(["b"]),
        () => meet(["b"]),
        () => meet(["b", "c"]),
        () => tracker.tried(seed, undefined),
        () => meet(["b", "c"], []),
        () => tracker.stopping(undefined),
        () => tracker.stopped(undefined),
      ]) {
        change()
        yield* settle
      }
      yield* Fiber.join(reading)
      assert.deepStrictEqual(seen, [
        "Starting",
        "Starting",
        "Member of 1",
        "Member of 2",
        "Alone",
        "Leaving",
        "Stopped",
      ])
    }),
  )
})

describe("a wait until a node has settled", () => {
  it.effect("ends with the status when the first attempts are over", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      const waiting = yield* Effect.forkChild(tracker.settled, { startImmediately: true })
      tracker.started()
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      tracker.tried(seed, timeout)
      assert.deepStrictEqual(yield* Fiber.join(waiting), alone)
    }),
  )

  it.effect("returns the current status to a later caller", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      tracker.started()
      tracker.timedOut()
      meet(["b"])
      assert.deepStrictEqual(yield* tracker.settled, { _tag: "Member", peers: 1 })
    }),
  )

  it.effect("fails if the node stops because of an error, and not if it leaves", () =>
    Effect.gen(function* () {
      const [failing, leaving] = [yield* make([seed]), yield* make([seed])]
      failing.tracker.stopping(stoppedError)
      assert.strictEqual(yield* Effect.flip(failing.tracker.settled), stoppedError)
      leaving.tracker.stopping(undefined)
      assert.deepStrictEqual(yield* leaving.tracker.settled, { _tag: "Leaving" })
    }),
  )
})

describe("a wait for a refusal that ends a node", () => {
  it.effect("ends with the first refusal", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      tracker.started()
      tracker.tried(seed, otherCluster)
      tracker.tried(seed, namesake)
      yield* TestClock.adjust("1 second")
      tracker.tried(seed, namesake)
      const error = yield* tracker.refused
      assert.instanceOf(error.reason, OtherCluster)
      assert.strictEqual(error.address, seed)
    }),
  )

  it.effect("ends with a namesake that has refused for a link timeout", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      const waiting = yield* Effect.forkChild(tracker.refused, { startImmediately: true })
      tracker.tried(seed, namesake)
      yield* TestClock.adjust("999 millis")
      tracker.tried(seed, namesake)
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      tracker.tried(seed, namesake)
      assert.instanceOf((yield* Fiber.join(waiting)).reason, DuplicateName)
    }),
  )

  it.effect("never ends for a node that had a link", () =>
    Effect.gen(function* () {
      const { meet, tracker } = yield* make([seed])
      const waiting = yield* Effect.forkChild(tracker.refused, { startImmediately: true })
      tracker.started()
      meet(["c"])
      meet([])
      tracker.tried(seed, otherCluster)
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
    }),
  )
})

describe("a node that an older namesake dials", () => {
  /** Makes the seed refuse the node every half second for the given time. */
  const refuseFor = Effect.fnUntraced(function* (tracker: StatusTracker, millis: number, error: HandshakeRejected) {
    for (let passed = 0; passed <= millis; passed += 500) {
      tracker.tried(seed, error)
      yield* TestClock.adjust("500 millis")
    }
  })

  it.effect("does not stop while the older one refuses it, and stops once the older one no longer dials", () =>
    Effect.gen(function* () {
      const { tracker } = yield* make([seed])
      const waiting = yield* Effect.forkChild(tracker.refused, { startImmediately: true })
      for (let i = 0; i < 5; i++) {
        assert.isTrue(tracker.outlivesNamesake())
        yield* refuseFor(tracker, olderTimeout - 1_000, namesake)
      }
      assert.isUndefined(waiting.pollUnsafe())
      yield* refuseFor(tracker, 1_000, namesake)
      assert.instanceOf((yield* Fiber.join(waiting)).reason, DuplicateName)
    }),
  )

  for (const [who, error] of [
    ["a newer one", newerNamesake],
    ["a peer that has a link to a newer one", namesakeElsewhere],
  ] as const) {
    it.effect(`stops for ${who}`, () =>
      Effect.gen(function* () {
        const { tracker } = yield* make([seed])
        const waiting = yield* Effect.forkChild(tracker.refused, { startImmediately: true })
        tracker.outlivesNamesake()
        yield* refuseFor(tracker, namesakeTimeout, error)
        assert.instanceOf((yield* Fiber.join(waiting)).reason, DuplicateName)
      }),
    )
  }

  it.effect("does not replace the older one if it stops itself, or leaves", () =>
    Effect.gen(function* () {
      const [refused, leaving] = [yield* make([seed]), yield* make([seed])]
      yield* refuseFor(refused.tracker, namesakeTimeout, namesake)
      assert.isFalse(refused.tracker.outlivesNamesake())
      leaving.tracker.stopping(undefined)
      assert.isFalse(leaving.tracker.outlivesNamesake())
    }),
  )
})
