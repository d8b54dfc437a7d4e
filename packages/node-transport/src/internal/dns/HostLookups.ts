/**
 * Lookups of the hosts that a transport dials and listens on. Each host has at most one running lookup, which all
 * callers for the host share. A lookup continues after all callers have given up, and its answer is kept for the next
 * caller. Otherwise DNS servers that are slower than the timeout of a dial would never lead to a connection. All
 * lookups end with the scope.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { type Resolver, SourceError } from "./resolver.ts"

/**
 * Time after which a lookup fails. It bounds a resolver that does not end by itself. The default resolver gives up
 * after four seconds for each silent server.
 */
const lookupTimeout = Duration.seconds(30)

/**
 * Time to wait for the addresses of the other family once one family has addresses. A broken server may never answer
 * for the other family. RFC 8305 proposes 50 milliseconds for a waiting user. A peer has more time.
 */
const familyDelay = Duration.millis(250)

/** Time to keep an answer that arrived when no caller waited. DNS caches keep most answers longer. */
const unclaimedTime = Duration.seconds(30)

type Hosts = NonEmptyReadonlyArray<string>

/** Running lookup, or its answer that no caller has taken. */
interface Lookup {
  readonly answer: Deferred.Deferred<Hosts, SourceError>
  waiters: number
}

export class HostLookups {
  private readonly resolver: Resolver
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly lookups = new Map<string, Lookup>()

  constructor(resolver: Resolver, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.resolver = resolver
    this.fork = fork
  }

  /** Returns the IP literals of a host, IPv4 before IPv6. */
  find(host: string): Effect.Effect<Hosts, SourceError> {
    if (Net.isIP(host) !== 0) return Effect.succeed([host])
    return Effect.suspend(() => {
      const lookup = this.lookups.get(host) ?? this.start(host)
      // A kept answer serves one caller. The next caller gets a newer answer.
      if (Deferred.isDoneUnsafe(lookup.answer)) this.remove(host, lookup)
      lookup.waiters++
      return Effect.ensuring(
        Deferred.await(lookup.answer),
        Effect.sync(() => {
          lookup.waiters--
        }),
      )
    })
  }

  private start(host: string): Lookup {
    const lookup: Lookup = { answer: Deferred.makeUnsafe(), waiters: 0 }
    this.lookups.set(host, lookup)
    this.fork(this.run(host, lookup))
    return lookup
  }

  private run(host: string, lookup: Lookup): Effect.Effect<void> {
    return lookUp(this.resolver, host).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit) || lookup.waiters > 0) this.remove(host, lookup)
          Deferred.doneUnsafe(lookup.answer, exit)
        }),
      ),
      Effect.andThen(Effect.sleep(unclaimedTime)),
      Effect.ignore,
      Effect.ensuring(Effect.sync(() => this.remove(host, lookup))),
    )
  }

  private remove(host: string, lookup: Lookup): void {
    if (this.lookups.get(host) === lookup) this.lookups.delete(host)
  }
}

/** Makes the lookups of a scope. */
export const make = (resolver: Resolver): Effect.Effect<HostLookups, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => new HostLookups(resolver, fork))

/** Looks up the addresses of both families. */
const lookUp = (resolver: Resolver, host: string): Effect.Effect<Hosts, SourceError> =>
  Effect.gen(function* () {
    const families = yield* Effect.forEach([resolver.a(host), resolver.aaaa(host)], (query) =>
      Effect.forkChild(Effect.result(query), { startImmediately: true }),
    )
    yield* Effect.raceFirst(Fiber.awaitAll(families), Effect.raceAllFirst(families.map(whenOtherIsLate)))
    const answers = families.flatMap((family) => {
      const exit = family.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit) ? [exit.value] : []
    })
    const hosts = answers.flatMap((answer) => (Result.isSuccess(answer) ? answer.success : []))
    if (Arr.isReadonlyArrayNonEmpty(hosts)) return hosts
    for (const answer of answers) if (Result.isFailure(answer)) return yield* answer.failure
    return yield* new SourceError({ reason: "notFound", message: `${host} has no addresses` })
  }).pipe(
    Effect.timeoutOrElse({
      duration: lookupTimeout,
      orElse: () =>
        Effect.fail(new SourceError({ reason: "noAnswer", message: `the lookup of ${host} did not end in time` })),
    }),
  )

/**
 * Waits for the addresses of a family, and then {@link familyDelay} for the other family. Never ends without addresses.
 */
const whenOtherIsLate = (
  family: Fiber.Fiber<Result.Result<ReadonlyArray<string>, SourceError>>,
): Effect.Effect<unknown> =>
  Effect.flatMap(Fiber.join(family), (answer) =>
    Result.isSuccess(answer) && answer.success.length > 0 ? Effect.sleep(familyDelay) : Effect.never,
  )
