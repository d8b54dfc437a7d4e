import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { openBurst, OpenPacer, openRate } from "../../src/messaging/OpenPacer.ts"

const isClosed = () => false
const isOpen = () => true

/** Waits for `count` lanes one after the other. */
const open = (pacer: OpenPacer, count: number) => Effect.repeat(pacer.await(isClosed), { times: count - 1 })

it.effect("opens a burst of lanes at once, and further lanes at the rate", () =>
  Effect.gen(function* () {
    const pacer = new OpenPacer(yield* Clock.Clock)
    yield* open(pacer, openBurst)
    let opened = 0
    const next = Effect.tap(pacer.await(isClosed), () => Effect.sync(() => opened++))
    yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: openRate }, () => next),
        { concurrency: "unbounded", discard: true },
      ),
      {
        startImmediately: true,
      },
    )
    yield* TestClock.adjust("500 millis")
    assert.approximately(opened, openRate / 2, 5)
    yield* TestClock.adjust("520 millis")
    assert.strictEqual(opened, openRate)
  }),
)

it.effect("does not delay a reader of an open lane", () =>
  Effect.gen(function* () {
    const pacer = new OpenPacer(yield* Clock.Clock)
    yield* open(pacer, openBurst)
    // Virtual time does not advance, so a wait would never end.
    yield* pacer.await(isOpen)
  }),
)
