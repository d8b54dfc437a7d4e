/**
 * Client that increments a number in the store while it holds the lease.
 */
import { Clock, Context, Duration, Effect, Layer, Random, Schedule, Schema } from "effect"
import type { NoAnswer } from "../Wire.ts"
import * as Protocol from "./Protocol.ts"

/** Error of a lease that was lost before the work was done. The store may have accepted the last write. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", { message: Schema.String }) {}

export class Client extends Context.Service<
  Client,
  {
    /** Adds one to the value in the store. */
    readonly increment: Effect.Effect<void, LeaseLost | NoAnswer>
    /** Returns `true` while the client believes that it holds the lease. */
    readonly holds: () => boolean
  }
>()("examples/lock/Client") {}

/**
 * Time for which the client trusts a lease. It is a little less than the term, because clocks run at different speeds.
 */
const trusted = Duration.toMillis(Protocol.term) * 0.99

export const layer = (options: {
  readonly lock: string
  readonly store: string
  readonly mistake?: Protocol.Mistake | undefined
}) =>
  Layer.effect(Client)(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const lock = yield* Protocol.lock.client(options.lock)
      const store = yield* Protocol.store.client(options.store)

      const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      let until = -Infinity
      const holds = () => now() < until
      const lost = (message: string) => Effect.fail(new LeaseLost({ message }))

      /**
       * Requests or renews a lease. Its time counts from the request, which is not later than the start at the server.
       */
      const ask = Effect.fnUntraced(function* (question: Parameters<typeof lock>[0]) {
        const asked = now()
        const answer = yield* lock(question)
        if (answer._tag === "Refused") return yield* lost("another client holds the lease")
        until = asked + (options.mistake === "trusting client" ? Infinity : trusted)
        return answer.token
      })

      /** Renews the lease until a renewal fails, and then fails. */
      const keep = (token: number) =>
        Effect.sleep(Duration.divideUnsafe(Protocol.term, 3)).pipe(
          Effect.andThen(Effect.catchTag(ask({ _tag: "Renew", token }), "NoAnswer", () => Effect.void)),
          Effect.andThen(Effect.suspend(() => (holds() ? Effect.void : lost("the lease could not be renewed")))),
          Effect.forever,
        )

      const inStore = Effect.fnUntraced(function* (question: Parameters<typeof store>[0]) {
        const answer = yield* store(question)
        if (answer._tag === "Refused") return yield* lost("the store has seen a newer lease")
        return answer.value
      })

      const addOne = Effect.fnUntraced(function* (token: number) {
        const value = yield* inStore({ _tag: "Read", token })
        // The work. If two clients did it at the same time, one would overwrite the addition of the other.
        yield* Effect.sleep(`${yield* Random.nextIntBetween(1, 8)} seconds`)
        yield* inStore({ _tag: "Write", token, value: value + 1 })
      })

      const release = (token: number) => {
        until = -Infinity
        return Effect.ignore(lock({ _tag: "Release", token }))
      }

      // Each attempt takes a new lease. After a failure a write may still be in transit, and the newer token excludes
      // it.
      const increment = ask({ _tag: "Acquire" }).pipe(
        Effect.retry(Schedule.jittered(Schedule.spaced("500 millis"))),
        Effect.flatMap((token) =>
          addOne(token).pipe(Effect.raceFirst(keep(token)), Effect.ensuring(Effect.suspend(() => release(token)))),
        ),
      )
      return { increment, holds }
    }),
  )
