import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { DiscoveredAddresses } from "../../src/cluster/DiscoveredAddresses.ts"
import { SeedOutcomes } from "../../src/cluster/SeedOutcomes.ts"
import { Starter, startWarning } from "../../src/cluster/Starter.ts"
import { DiscoveryPause } from "../../src/internal/DiscoveryPause.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import { LonelyPause } from "../../src/peering/LonelyPause.ts"
import type { Listener } from "../../src/Transport.ts"
import { addressOf } from "../membership/support.ts"
import { initial } from "../peering/support.ts"

const [a, b] = [addressOf("a"), addressOf("b")]

const settleTimeout = 10_000

/** Listener that never accepts a connection. */
const listener: Listener = { addresses: [a], run: () => Effect.never }

/** Makes a starter, and collects its steps and log lines. */
const make = Effect.fnUntraced(function* (
  addresses: Stream.Stream<ReadonlyArray<string>> = Stream.never,
  onServe: () => void = () => undefined,
) {
  const steps: Array<string> = []
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    lines.push(`${logLevel}: ${String(Array.isArray(message) ? message[0] : message)}`)
  })
  const scope = yield* Scope.fork(yield* Effect.scope)
  const outcomes = new SeedOutcomes({ failOn: [], namesakeTimeout: 0, olderTimeout: 0 })
  const policy = { addresses, interval: Duration.seconds(30), intervalAlone: Duration.seconds(1) }
  const starter = new Starter({
    links: {
      serve: (served) => {
        onServe()
        const serving = Effect.andThen(
          Effect.sync(() => steps.push(`serve ${served.addresses[0]}`)),
          Effect.never,
        )
        return Effect.onInterrupt(serving, () => Effect.sync(() => steps.push("served")))
      },
    },
    listener,
    dialer: { addSeed: (address) => steps.push(`dial ${address}`) },
    discovery: policy,
    pause: new LonelyPause({ state: () => initial }, policy),
    found: new DiscoveredAddresses(3, yield* LogBudget.make, (found) => steps.push(`found ${found.join(" ")}`)),
    seeds: [a, b],
    outcomes,
    status: {
      started: () => steps.push("started"),
      timedOut: () => steps.push("timed out"),
      discoveryEnded: () => steps.push("discovery ended"),
    },
    settleTimeout,
    scope,
  })
  const logged = Effect.provide(Logger.layer([logger]))
  return { lines, outcomes, scope, start: logged(starter.start), starter, steps, watch: logged(starter.watch) }
})

const startSteps = [`dial ${a}`, `dial ${b}`, "started", `serve ${a}`]

describe("the start of a node", () => {
  it.effect("accepts connections, dials the seeds, and reports it, once", () =>
    Effect.gen(function* () {
      const { start, steps } = yield* make()
      assert.deepStrictEqual(steps, [])
      yield* start
      yield* start
      yield* Effect.yieldNow
      assert.deepStrictEqual(steps, startSteps)
    }),
  )

  it.effect("adds the seeds to the addresses to try", () =>
    Effect.gen(function* () {
      const { outcomes, start } = yield* make()
      outcomes.endDiscovery()
      assert.isTrue(outcomes.isEmpty)
      yield* start
      assert.isFalse(outcomes.isEmpty)
    }),
  )

  it.effect("passes on each set of the discovery, and reports its end", () =>
    Effect.gen(function* () {
      const { start, steps } = yield* make(Stream.make(["c:1"], ["d:1", "e:1"]))
      yield* start
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(steps.slice(startSteps.length), ["found c:1", "found d:1 e:1", "discovery ended"])
    }),
  )

  it.effect("keeps the addresses of a discovery that dies, and logs the defect", () =>
    Effect.gen(function* () {
      const { lines, start, steps } = yield* make(Stream.concat(Stream.make(["c:1"]), Stream.die("a bug")))
      yield* start
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(steps.slice(startSteps.length), ["found c:1", "discovery ended"])
      assert.deepStrictEqual(lines, [
        "Error: the discovery failed with a defect; the addresses found before stay in use",
      ])
    }),
  )

  it.effect("polls the discovery at the short interval while the node has no link", () =>
    Effect.gen(function* () {
      const pause = Effect.flatMap(DiscoveryPause, (sleep) => sleep(Duration.minutes(1)))
      const { start, steps } = yield* make(Stream.fromEffect(Effect.as(pause, ["c:1"])))
      yield* start
      yield* TestClock.adjust("999 millis")
      assert.notInclude(steps, "found c:1")
      yield* TestClock.adjust("1 millis")
      assert.include(steps, "found c:1")
    }),
  )

  it.effect("reports when the first attempts have timed out", () =>
    Effect.gen(function* () {
      const { start, steps } = yield* make()
      yield* start
      yield* TestClock.adjust(settleTimeout - 1)
      assert.notInclude(steps, "timed out")
      yield* TestClock.adjust(1)
      assert.include(steps, "timed out")
    }),
  )

  it.effect("completes although its caller is interrupted", () =>
    Effect.gen(function* () {
      const starting: { fiber?: Fiber.Fiber<void> } = {}
      const { start, steps } = yield* make(Stream.never, () => starting.fiber?.interruptUnsafe())
      starting.fiber = yield* Effect.forkChild(start)
      const exit = yield* Fiber.await(starting.fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
      yield* Effect.yieldNow
      assert.deepStrictEqual(steps, startSteps)
    }),
  )

  it.effect("releases everything when the scope of the node closes", () =>
    Effect.gen(function* () {
      const discovery = Stream.fromEffect(Effect.as(Effect.sleep("1 second"), ["c:1"]))
      const { scope, start, steps } = yield* make(discovery)
      yield* start
      yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(2 * settleTimeout)
      assert.deepStrictEqual(steps.slice(startSteps.length).toSorted(), ["discovery ended", "served"])
    }),
  )
})

describe("the watch of a node with a manual start", () => {
  it.effect("warns once of a node that is not started", () =>
    Effect.gen(function* () {
      const { lines, watch } = yield* make()
      const watching = yield* Effect.forkChild(watch)
      yield* TestClock.adjust(Duration.subtract(startWarning, Duration.millis(1)))
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(watching)
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0] ?? "", /^Warn: this node has no peers because it is not started after 30s/)
    }),
  )

  it.effect("does not warn of a node that was started", () =>
    Effect.gen(function* () {
      const { lines, start, watch } = yield* make()
      const watching = yield* Effect.forkChild(watch)
      yield* start
      yield* TestClock.adjust(startWarning)
      yield* Fiber.join(watching)
      assert.deepStrictEqual(lines, [])
    }),
  )
})
