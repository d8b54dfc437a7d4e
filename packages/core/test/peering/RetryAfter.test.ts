import * as Address from "@coterie/core/Address"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { HandshakeFailed, HandshakeRejected } from "../../src/link/Handshake.ts"
import { maxAddresses, maxRetryAfterMillis, RetryAfter } from "../../src/peering/RetryAfter.ts"

const address = (text: string) => Result.getOrThrow(Address.parse(text))
const a = address("a:1")
const b = address("b:1")

const busy = (retryAfter?: number, by: "us" | "them" = "them") =>
  new HandshakeRejected({ code: "busy", message: "", by, ...(retryAfter === undefined ? {} : { retryAfter }) })

const make = Effect.map(Clock.Clock, (clock) => new RetryAfter(clock))

it.effect("delays an address for as long as its peer requests, and no other address", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(3_000), 0)
    assert.strictEqual(pauses.remaining(a), 3_000)
    assert.strictEqual(pauses.remaining(b), 0)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(pauses.remaining(a), 1_000)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(pauses.remaining(a), 0)
  }),
)

it.effect("delays several addresses until the first of them is free", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    assert.strictEqual(pauses.remainingOfAll([]), 0)
    pauses.note(a, busy(3_000), 0)
    assert.strictEqual(pauses.remainingOfAll([a, b]), 0)
    pauses.note(b, busy(2_000), 0)
    assert.strictEqual(pauses.remainingOfAll([a, b]), 2_000)
  }),
)

it.effect("delays nothing for an error without a requested pause, or for this node's own refusal", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(), 0)
    pauses.note(a, busy(3_000, "us"), 0)
    const stale = new HandshakeRejected({ code: "stale", message: "", by: "them", retryAfter: 3_000 })
    pauses.note(a, stale, 0)
    pauses.note(a, new HandshakeFailed({ reason: "lost", message: "" }), 0)
    assert.strictEqual(pauses.remaining(a), 0)
  }),
)

it.effect("delays an address for up to a quarter longer than its peer requests, by the draw", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(3_000), 0.5)
    assert.strictEqual(pauses.remaining(a), 3_375)
  }),
)

it.effect("returns the rest of a pause in whole milliseconds, so that time passes while a dialer sleeps for it", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(1_000), 0.938_271_2)
    yield* TestClock.adjust("1234 millis")
    assert.strictEqual(pauses.remaining(a), 1)
    assert.strictEqual(pauses.remainingOfAll([a]), 1)
  }),
)

it.effect("ends the delay of an address once a peer there has accepted this node", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(3_000), 0)
    pauses.forget(a)
    assert.strictEqual(pauses.remaining(a), 0)
  }),
)

it.effect("delays an address for at most a minute, whatever its peer requests", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(0xffff_ffff), 0.5)
    assert.strictEqual(pauses.remaining(a), maxRetryAfterMillis)
  }),
)

it.effect("remembers a bounded number of addresses, and drops the oldest", () =>
  Effect.gen(function* () {
    const pauses = yield* make
    pauses.note(a, busy(3_000), 0)
    for (let port = 1; port <= maxAddresses; port++) pauses.note(address(`c:${port}`), busy(3_000), 0)
    assert.strictEqual(pauses.remaining(a), 0)
    assert.strictEqual(pauses.remaining(address("c:1")), 3_000)
  }),
)
