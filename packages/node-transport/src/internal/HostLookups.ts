/**
 * Look-ups of the hosts that a transport dials and listens on. Each host has at most one look-up under way, and all who ask for the
 * host share it. A look-up goes on when all of them have given up, so that whoever asks next does not begin anew. It ends with
 * the scope.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { type Resolver, SourceError } from "./resolver.ts"

/**
 * Time after which a look-up is given up. It is for a resolver that does not end by itself: the default one gives up after four
 * seconds for each server that is silent.
 */
const lookupTimeout = Duration.seconds(30)

type Hosts = NonEmptyReadonlyArray<string>

export class HostLookups {
  private readonly resolver: Resolver
  private readonly underWay: FiberMap.FiberMap<string, Hosts, SourceError>

  constructor(resolver: Resolver, underWay: FiberMap.FiberMap<string, Hosts, SourceError>) {
    this.resolver = resolver
    this.underWay = underWay
  }

  /** Returns the IP literals of a host, IPv4 before IPv6. */
  find(host: string): Effect.Effect<Hosts, SourceError> {
    if (Net.isIP(host) !== 0) return Effect.succeed([host])
    return Effect.suspend(() => {
      const fiber = Option.getOrUndefined(FiberMap.getUnsafe(this.underWay, host))
      if (fiber !== undefined) return Fiber.join(fiber)
      return Effect.flatMap(FiberMap.run(this.underWay, host, Effect.interruptible(this.lookUp(host))), Fiber.join)
    })
  }

  private readonly lookUp = Effect.fnUntraced(
    function* (this: HostLookups, host: string) {
      const { a, aaaa } = this.resolver
      const answers = yield* Effect.all([Effect.result(a(host)), Effect.result(aaaa(host))], { concurrency: 2 })
      const hosts = answers.flatMap((answer) => (Result.isSuccess(answer) ? answer.success : []))
      if (Arr.isReadonlyArrayNonEmpty(hosts)) return hosts
      for (const answer of answers) if (Result.isFailure(answer)) return yield* answer.failure
      return yield* new SourceError({ reason: "notFound", message: `${host} has no addresses` })
    },
    (lookUp, host) =>
      Effect.timeoutOrElse(lookUp, {
        duration: lookupTimeout,
        orElse: () => Effect.fail(new SourceError({ reason: "noAnswer", message: `${host} was not found in time` })),
      }),
  )
}

/** Makes the look-ups of a scope. */
export const make = (resolver: Resolver): Effect.Effect<HostLookups, never, Scope.Scope> =>
  Effect.map(FiberMap.make<string, Hosts, SourceError>(), (underWay) => new HostLookups(resolver, underWay))
