import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import * as DeadLetters from "../../src/messaging/DeadLetters.ts"
import { ReceivedMessage } from "../../src/messaging/ReceivedMessage.ts"

const from = (name: string) => new ReceivedMessage({ name, generation: 1 }, 1, new Uint8Array(0), undefined)
const message = from("peer")

it.effect("counts each letter, and publishes it to the subscribers of its lane until the end", () =>
  Effect.gen(function* () {
    const lanes: Array<string> = []
    const log = { write: () => Effect.void }
    const letters = yield* DeadLetters.make({ log, onLetter: (lane) => lanes.push(lane) })
    yield* letters.publish({ lane: "orders", message, reason: "before the subscription" })
    const seen: Array<string> = []
    const watching = yield* Effect.forkChild(
      Stream.runForEach(letters.of("orders"), ({ reason }) => Effect.sync(() => seen.push(reason))),
      { startImmediately: true },
    )
    yield* Effect.repeat(Effect.yieldNow, { times: 5 })
    yield* letters.publish({ lane: "news", message, reason: "of another lane" })
    yield* letters.publish({ lane: "orders", message, reason: "no JSON" })
    yield* Effect.repeat(Effect.yieldNow, { times: 5 })
    yield* letters.end
    yield* Fiber.await(watching)
    assert.deepStrictEqual(lanes, ["orders", "news", "orders"])
    assert.deepStrictEqual(seen, ["no JSON"])
  }),
)

it.effect("writes one warning for each lane and peer in a minute, with the reason, into the log of the node", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
      const { reason } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push(`${logLevel} ${String(Array.isArray(message) ? message[0] : message)}: ${String(reason)}`)
    })
    const make = Effect.flatMap(LogBudget.make, (log) => DeadLetters.make({ log, onLetter: () => undefined }))
    const letters = yield* Effect.provide(make, Logger.layer([logger]))
    // The reader has no log.
    const publish = (lane: string, peer: string, reason: string) =>
      letters.publish({ lane, message: from(peer), reason }).pipe(Effect.provide(Logger.layer([])))
    for (const reason of ["no JSON", "no id", "no total"]) yield* publish("orders", "ann", reason)
    yield* publish("orders", "bob", "x".repeat(10_000))
    yield* publish("news", "ann", 'no text, got "\n\u001b[31mERROR\u009b2J"')
    assert.deepStrictEqual(lines, [
      'Warn "ann" sent a message on "orders" that this node cannot use: no JSON',
      `Warn "bob" sent a message on "orders" that this node cannot use: ${"x".repeat(509)}...`,
      'Warn "ann" sent a message on "news" that this node cannot use: no text, got " [31mERROR 2J"',
    ])
    yield* TestClock.adjust("1 minute")
    assert.deepStrictEqual(lines.slice(3), ['Warn omitted log lines of the kind "dead letter": 2: undefined'])
    yield* publish("orders", "ann", "again")
    assert.strictEqual(lines.at(-1), 'Warn "ann" sent a message on "orders" that this node cannot use: again')
  }).pipe(Effect.scoped),
)
