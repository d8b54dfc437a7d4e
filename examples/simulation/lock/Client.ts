/**
 * Does something while it holds the lease.
 */
import { Clock, Context, Duration, Effect, Layer, Random, Schedule, Schema } from "effect"
import type { NoAnswer } from "../Wire.ts"
import * as Protocol from "./Protocol.ts"

/** The lease was lost before the work was done. Whether its last write was taken, nobody knows. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", { message: Schema.String }) {}

export class Client extends Context.Service<
  Client,
  {
    /** Adds one to the value in the store. */
    readonly increment: Effect.Effect<void, LeaseLost | NoAnswer>
    /** Returns whether the client thinks that it holds the lease. */
    readonly holds: () => boolean
  }
>()("examples/lock/Client") {}

/** For how long it trusts a lease: a little less than the term, since no two clocks run equally fast. */
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

      /** Asks for a lease, or for more of it. Its time counts from the question: from no later than the server counts it. */
      const ask = Effect.fnUntraced(function* (question: Parameters<typeof lock>[0]) {
        const asked = now()
        const answer = yield* lock(question)
        if (answer._tag === "Refused") return yield* lost("it is another client's")
        until = asked + (options.mistake === "trusting client" ? Infinity : trusted)
        return answer.token
      })

      /** Renews the lease for as long as it can; then fails. */
      const keep = (token: number) =>
        Effect.sleep(Duration.divideUnsafe(Protocol.term, 3)).pipe(
          Effect.andThen(Effect.catchTag(ask({ _tag: "Renew", token }), "NoAnswer", () => Effect.void)),
          Effect.andThen(Effect.suspend(() => (holds() ? Effect.void : lost("it could not be renewed")))),
          Effect.forever,
        )

      const inStore = Effect.fnUntraced(function* (question: Parameters<typeof store>[0]) {
        const answer = yield* store(question)
        if (answer._tag === "Refused") return yield* lost("the store has seen a newer one")
        return answer.value
      })

      const addOne = Effect.fnUntraced(function* (token: number) {
        const value = yield* inStore({ _tag: "Read", token })
        // The work. If two did it at a time, one would write over what the other has written.
        yield* Effect.sleep(`${yield* Random.nextIntBetween(1, 8)} seconds`)
        yield* inStore({ _tag: "Write", token, value: value + 1 })
      })

      const release = (token: number) => {
        until = -Infinity
        return Effect.ignore(lock({ _tag: "Release", token }))
      }

      // One lease for each attempt. After a failure a write may still be under way, and a newer token shuts it out.
      const increment = ask({ _tag: "Acquire" }).pipe(
        Effect.retry(Schedule.jittered(Schedule.spaced("500 millis"))),
        Effect.flatMap((token) =>
          addOne(token).pipe(Effect.raceFirst(keep(token)), Effect.ensuring(Effect.suspend(() => release(token)))),
        ),
      )
      return { increment, holds }
    }),
  )
