import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as HostLookups from "../../../src/internal/dns/HostLookups.ts"
import { type Resolver, SourceError } from "../../../src/internal/dns/resolver.ts"

const none = Effect.succeed([])

/** Makes a resolver that answers with `a` and `aaaa`, and counts the queries for IPv4 addresses. */
const resolverOf = (answers: Partial<{ [K in "a" | "aaaa"]: ReturnType<Resolver[K]> }>) => {
  const counts = { asked: 0, interrupted: 0 }
  const resolver: Resolver = {
    a: () =>
      Effect.suspend(() => {
        counts.asked++
        return answers.a ?? none
      }).pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            counts.interrupted++
          }),
        ),
      ),
    aaaa: () => answers.aaaa ?? none,
    srv: () => none,
  }
  return { counts, resolver }
}

const failure = (reason: SourceError["reason"]) => Effect.fail(new SourceError({ reason, message: reason }))

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("the lookups of hosts", () => {
  it.effect("find the addresses of both families, IPv4 first", () =>
    Effect.gen(function* () {
      const { resolver } = resolverOf({
        a: Effect.succeed(["10.0.0.2", "10.0.0.1"]),
        aaaa: Effect.succeed(["fd00::1"]),
      })
      const lookups = yield* HostLookups.make(resolver)
      assert.deepStrictEqual<unknown>(yield* lookups.find("peers"), ["10.0.0.2", "10.0.0.1", "fd00::1"])
    }),
  )

  it.effect("return an IP literal without a query", () =>
    Effect.gen(function* () {
      const { counts, resolver } = resolverOf({})
      const lookups = yield* HostLookups.make(resolver)
      for (const host of ["10.0.0.1", "::1", "fe80::1%eth0"]) {
        assert.deepStrictEqual<unknown>(yield* lookups.find(host), [host])
      }
      assert.strictEqual(counts.asked, 0)
    }),
  )

  it.effect("find the addresses of one family if the other fails, and fail if neither has addresses", () =>
    Effect.gen(function* () {
      const one = yield* HostLookups.make(
        resolverOf({ a: failure("failed"), aaaa: Effect.succeed(["fd00::1"]) }).resolver,
      )
      assert.deepStrictEqual<unknown>(yield* one.find("peers"), ["fd00::1"])
      const failing = yield* HostLookups.make(resolverOf({ aaaa: failure("noAnswer") }).resolver)
      assert.strictEqual((yield* Effect.flip(failing.find("peers"))).reason, "noAnswer")
      const empty = yield* HostLookups.make(resolverOf({}).resolver)
      assert.strictEqual((yield* Effect.flip(empty.find("peers"))).reason, "notFound")
    }),
  )

  it.effect("are shared by all callers for a host, and continue when all of them have given up", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<ReadonlyArray<string>>()
      const { counts, resolver } = resolverOf({ a: Deferred.await(answer) })
      const lookups = yield* HostLookups.make(resolver)
      const first = yield* Effect.forEach([1, 2, 3], () => start(lookups.find("peers")))
      yield* Effect.forEach(first, Fiber.interrupt)
      const later = yield* start(lookups.find("peers"))
      assert.deepStrictEqual(counts, { asked: 1, interrupted: 0 })
      yield* Deferred.succeed(answer, ["10.0.0.1"])
      assert.deepStrictEqual<unknown>(yield* Fiber.join(later), ["10.0.0.1"])
      yield* lookups.find("peers")
      assert.strictEqual(counts.asked, 2, "an answer that a caller got is not kept")
    }),
  )

  it.effect("keep an answer without a waiting caller for the next caller, for a limited time", () =>
    Effect.gen(function* () {
      const { counts, resolver } = resolverOf({ a: Effect.delay(Effect.succeed(["10.0.0.1"]), "4 seconds") })
      const lookups = yield* HostLookups.make(resolver)
      const dial = Effect.timeoutOption(lookups.find("peers"), "3 seconds")
      const first = yield* start(dial)
      yield* TestClock.adjust("4 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.join(first)))
      assert.deepStrictEqual<unknown>(yield* dial, Option.some(["10.0.0.1"]))
      assert.strictEqual(counts.asked, 1)

      const second = yield* start(dial)
      yield* TestClock.adjust("40 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.join(second)))
      yield* start(dial)
      assert.strictEqual(counts.asked, 3)
    }),
  )

  it.effect("wait for the second family only briefly once they have addresses of the first", () =>
    Effect.gen(function* () {
      const addresses = Effect.succeed(["10.0.0.1"])
      const late = Effect.delay(Effect.succeed(["fd00::1"]), "100 millis")
      for (const [answers, expected] of [
        [{ a: addresses, aaaa: late }, ["10.0.0.1", "fd00::1"]],
        [{ a: addresses, aaaa: Effect.never }, ["10.0.0.1"]],
        [{ a: Effect.never, aaaa: late }, ["fd00::1"]],
      ] as const) {
        const lookups = yield* HostLookups.make(resolverOf(answers).resolver)
        const asking = yield* start(lookups.find("peers"))
        yield* TestClock.adjust("1 seconds")
        assert.deepStrictEqual<unknown>(yield* Fiber.join(asking), expected)
      }
    }),
  )

  it.effect("of different hosts do not wait for each other", () =>
    Effect.gen(function* () {
      const { resolver } = resolverOf({})
      const lookups = yield* HostLookups.make({
        ...resolver,
        a: (name) => (name === "silent" ? Effect.never : Effect.succeed(["10.0.0.1"])),
      })
      yield* start(lookups.find("silent"))
      assert.deepStrictEqual<unknown>(yield* lookups.find("peers"), ["10.0.0.1"])
    }),
  )

  it.effect("end with their scope", () =>
    Effect.gen(function* () {
      const { counts, resolver } = resolverOf({ a: Effect.never })
      const scope = yield* Scope.make()
      const lookups = yield* Scope.provide(HostLookups.make(resolver), scope)
      const asking = yield* start(lookups.find("peers"))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(counts.interrupted, 1)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(asking)))
    }),
  )

  it.effect("time out if a resolver does not end, and begin again after that", () =>
    Effect.gen(function* () {
      const { counts, resolver } = resolverOf({ a: Effect.never })
      const lookups = yield* HostLookups.make(resolver)
      const asking = yield* start(Effect.flip(lookups.find("peers")))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(asking)).reason, "noAnswer")
      yield* start(lookups.find("peers"))
      assert.deepStrictEqual(counts, { asked: 2, interrupted: 1 })
    }),
  )
})
