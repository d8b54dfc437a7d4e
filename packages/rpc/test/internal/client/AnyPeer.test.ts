import {
  IncompatibleFormat,
  LinkLost,
  NodeStopped,
  NotConnected,
  NotReading,
  PeerLeft,
  Replaced,
  SendError,
  type SendErrorReason,
  TooLarge,
  UnknownPeer,
} from "@coterie/core/ClusterError"
import type { ReadingPeer } from "@coterie/core/Lane"
import * as RequestLost from "@coterie/rpc/RequestLost"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as AnyPeer from "../../../src/internal/client/AnyPeer.ts"
import { PickKey } from "../../../src/internal/client/PickKey.ts"
import type { Candidate } from "../../../src/internal/client/pickPeer.ts"
import * as requestErrors from "../../../src/internal/client/requestErrors.ts"
import { RoundTripTimes } from "../../../src/internal/client/RoundTripTimes.ts"
import { ServingPeers } from "../../../src/internal/client/ServingPeers.ts"

const readers = (...names: ReadonlyArray<string>): ReadonlyArray<ReadingPeer> =>
  names.map((name, i) => ({ name, generation: 1, session: i, opening: i }))

const setUp = Effect.fnUntraced(function* (names: ReadonlyArray<string>, options: Partial<AnyPeer.Options> = {}) {
  const lane = { readers: Effect.succeed([]), readerChanges: Stream.never }
  const serving = new ServingPeers({ lane, self: "self" })
  yield* serving.update(readers(...names))
  const clock = yield* Effect.clockWith(Effect.succeed)
  const counted = { notServed: 0 }
  const measured: Array<string> = []
  const roundTrips = new RoundTripTimes({
    rtt: (peer) =>
      Effect.sync(() => {
        measured.push(typeof peer === "string" ? peer : peer.name)
        return Option.none()
      }),
    clock,
    scope: yield* Effect.scope,
  })
  const all: AnyPeer.Options = {
    service: "work",
    rule: "leastRequests",
    includesSelf: true,
    attempts: 3,
    wait: Duration.seconds(1),
    ...options,
  }
  const sources = { serving, roundTrips, inFlight: () => 0, onNotServed: () => (counted.notServed += 1) }
  const any = new AnyPeer.AnyPeer(all, sources)
  const others = new AnyPeer.AnyPeer({ ...all, includesSelf: false }, sources)
  const asked: Array<string> = []
  /** Makes a request whose attempts end with the errors, one after the other, and then succeed. */
  const request = (...errors: ReadonlyArray<RpcClientError>) => {
    const left = [...errors]
    return any.request((peer: Candidate) =>
      Effect.suspend(() => {
        asked.push(peer.name)
        const error = left.shift()
        return error === undefined ? Effect.void : Effect.fail(error)
      }),
    )
  }
  return { any, asked, counted, measured, others, request, serving }
})

const unsent = (reason: SendErrorReason) => requestErrors.toClientError(new SendError({ peer: "b", reason }))
const busy = requestErrors.givenUp("b", new RequestLost.Busy({ limit: 1 }))

const reasonOf = (effect: Effect.Effect<void, RpcClientError>) =>
  Effect.map(Effect.flip(effect), (error) => RequestLost.causeOf(error)?.reason._tag ?? error.message)

describe("a request to any peer", () => {
  it.effect("is made to another peer after each error that rules out that this peer carried it out", () =>
    Effect.gen(function* () {
      for (const error of [
        busy,
        ...[
          new UnknownPeer(),
          new PeerLeft(),
          new NotConnected(),
          new NotReading({ maybeDelivered: false }),
          new LinkLost({ maybeDelivered: false }),
          new Replaced({ generation: 1 }),
          new IncompatibleFormat({ format: "a", peerFormat: "b" }),
        ].map(unsent),
      ]) {
        const { asked, request } = yield* setUp(["b", "c"])
        yield* request(error)
        assert.deepStrictEqual([...asked].sort(), ["b", "c"], error.message)
      }
    }),
  )

  it.effect("is never made again after an error that leaves open whether it was carried out", () =>
    Effect.gen(function* () {
      for (const error of [
        requestErrors.sessionEnded("b"),
        requestErrors.givenUp("b"),
        requestErrors.givenUp("b", new RequestLost.ResponseTooLarge({ bytes: 2, limit: 1 })),
        requestErrors.clientClosed("b"),
        requestErrors.malformed("b", new Error("no JSON")),
        requestErrors.endedByDefect("b", new Error("a bug")),
        unsent(new LinkLost({ maybeDelivered: true })),
        unsent(new NotReading({ maybeDelivered: true })),
      ]) {
        const { asked, request } = yield* setUp(["b", "c"])
        assert.strictEqual(yield* Effect.flip(request(error)), error)
        assert.strictEqual(asked.length, 1, error.message)
      }
    }),
  )

  it.effect("is not made again after an error that every peer would cause", () =>
    Effect.gen(function* () {
      for (const reason of [new TooLarge({ bytes: 2, limit: 1 }), new NodeStopped()]) {
        const { asked, request } = yield* setUp(["b", "c"])
        assert.strictEqual(yield* reasonOf(request(unsent(reason))), reason._tag)
        assert.strictEqual(asked.length, 1)
      }
    }),
  )

  it.effect("is refused by as many peers as its attempts, and fails with the last refusal", () =>
    Effect.gen(function* () {
      const { asked, request } = yield* setUp(["b", "c", "d", "e", "f"], { attempts: 3 })
      assert.strictEqual(yield* reasonOf(request(...Array.from({ length: 9 }, () => busy))), "Busy")
      assert.strictEqual(new Set(asked).size, 3)
      assert.strictEqual(asked.length, 3)
    }),
  )

  it.effect("does not count peers to which it was not sent, and asks each peer once", () =>
    Effect.gen(function* () {
      const { asked, request } = yield* setUp(["b", "c", "d", "e", "f"], { attempts: 1 })
      assert.strictEqual(
        yield* reasonOf(request(...Array.from({ length: 9 }, () => unsent(new NotConnected())))),
        "NotConnected",
      )
      assert.deepStrictEqual([...asked].sort(), ["b", "c", "d", "e", "f"])
    }),
  )

  it.effect("may be made to the next life of a peer whose earlier life was replaced", () =>
    Effect.gen(function* () {
      const { any, serving } = yield* setUp(["b"])
      const lives: Array<number> = []
      yield* any.request((peer) =>
        Effect.gen(function* () {
          lives.push(peer.generation)
          if (peer.generation > 1) return
          yield* serving.update(readers("b").map((reader) => ({ ...reader, generation: 2 })))
          return yield* Effect.fail(unsent(new Replaced({ generation: 1 })))
        }),
      )
      assert.deepStrictEqual(lives, [1, 2])
    }),
  )

  it.effect("waits for a peer that serves, for as long as wait, and then fails with NotServed", () =>
    Effect.gen(function* () {
      const { asked, counted, request, serving } = yield* setUp([])
      const found = yield* Effect.forkChild(request(), { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(found.pollUnsafe())
      yield* serving.update(readers("b"))
      yield* Fiber.join(found)
      assert.deepStrictEqual(asked, ["b"])

      yield* serving.update([])
      const failing = yield* Effect.forkChild(Effect.flip(request()), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(failing)
      const cause = RequestLost.causeOf(error)
      assert.deepStrictEqual([cause?.reason._tag, cause?.maybeDelivered, cause?.peer], ["NotServed", false, undefined])
      assert.include(error.message, 'no node with a link serves the service "work" (waited 1s')
      assert.strictEqual(counted.notServed, 1)
    }),
  )

  it.effect("fails at once if it must not wait, or if this node has left", () =>
    Effect.gen(function* () {
      const { request } = yield* setUp([], { wait: Duration.zero })
      const failing = yield* Effect.forkChild(reasonOf(request()), { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* Fiber.join(failing), "NotServed")
    }),
  )

  it.effect("waits no longer once this node has left or its client layer is closed", () =>
    Effect.gen(function* () {
      for (const readerChanges of [Stream.empty, Stream.never]) {
        const serving = new ServingPeers({ lane: { readers: Effect.succeed([]), readerChanges }, self: "self" })
        const waiting = yield* Effect.forkChild(serving.await(true), { startImmediately: true })
        const following = yield* Effect.forkChild(serving.follow, { startImmediately: true })
        yield* Fiber.interrupt(following)
        assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      }
    }),
  )

  it.effect("measures the round-trip times once for the clients with this node and those without it", () =>
    Effect.gen(function* () {
      const { any, measured, others } = yield* setUp(["b", "self"], { rule: "nearest" })
      for (let i = 0; i < 5; i++) {
        for (const each of [any, others]) yield* each.request(() => Effect.void)
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual(measured, ["b", "self"])
    }),
  )

  it.effect("does not wait for this node if this node must not get it", () =>
    Effect.gen(function* () {
      const { asked, request, serving } = yield* setUp(["self"], { includesSelf: false })
      const waiting = yield* Effect.forkChild(request(), { startImmediately: true })
      yield* serving.update(readers("b", "self"))
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(asked, ["b"])
    }),
  )

  it.effect("goes to the peer of its key, and to the next in rank if that peer did not get it", () =>
    Effect.gen(function* () {
      const { asked, request, serving } = yield* setUp(["b", "c", "d"], { rule: "key" })
      const withKey = Effect.provideService(PickKey, "user-1")
      yield* withKey(request(unsent(new NotConnected()), unsent(new NotConnected())))
      for (const _ of [1, 2]) yield* withKey(request())
      assert.strictEqual(new Set(asked.slice(0, 3)).size, 3)
      assert.deepStrictEqual(asked.slice(3), [asked[0] ?? "", asked[0] ?? ""])
      yield* serving.update(readers(...["b", "c", "d"].filter((name) => name !== asked[0])))
      yield* withKey(request())
      assert.strictEqual(asked.at(-1), asked[1])
    }),
  )
})
