/**
 * Server that grants a lease to one client at a time.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import type * as Disk from "../Disk.ts"
import * as Protocol from "./Protocol.ts"

export const layer = (options: { readonly disk: Disk.Disk<number>; readonly mistake?: Protocol.Mistake | undefined }) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const monotonic = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
      const now = options.mistake === "wall clock" ? Clock.currentTimeMillis : monotonic
      const term = Duration.toMillis(Protocol.term)

      let token = options.mistake === "forgetful server" ? 0 : yield* options.disk.load
      // A lease that this server granted before a crash may have just begun, so no other is granted until its end.
      let until = token === 0 ? -Infinity : (yield* now) + term

      yield* Protocol.lock.serve(
        Effect.fnUntraced(function* (question) {
          const at = yield* now
          // A lease can be renewed after its term. The same token means that no other client got a lease since.
          if (question._tag === "Acquire" ? at < until : question.token !== token) return { _tag: "Refused" as const }
          if (question._tag === "Acquire") token++
          until = question._tag === "Release" ? at : at + term
          // The token is saved before the answer. Otherwise the server could grant the same token twice after a crash.
          yield* options.disk.save(token)
          return { _tag: "Leased" as const, token }
        }),
      )
    }),
  )
