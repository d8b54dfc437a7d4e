/** Tests of transports that check proofs. */
import type * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, reasonOf } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Returns an effect that never completes for a connection that is never renewed. */
const renewalOf = ({ renewal }: Transport.Connection): Effect.Effect<void> => renewal ?? Effect.never

/** Registers the tests. `kind` is the kind of proof that the transport requires. */
export const checkProofs = ({ check, eventually, isEnd }: Suite, kind: Transport.Identity["_tag"]): void => {
  check("both ends of a connection have the identity of the other before the first pull", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const before = [acceptor.identity, dialer.identity]
      assert.deepStrictEqual(
        before.map((identity) => identity?._tag),
        [kind, kind],
      )
      yield* dialer.write([pattern(0, 1)])
      yield* next(acceptor)
      assert.deepStrictEqual([acceptor.identity, dialer.identity], before)
    }),
  )

  check("a withdrawal completes the renewal of a connection once, and then closes the connection", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      let renewals = 0
      const counted = (connection: Transport.Connection) =>
        Effect.andThen(
          renewalOf(connection),
          Effect.sync(() => renewals++),
        )
      const renewing = yield* Effect.forkScoped(Effect.race(counted(acceptor), counted(dialer)), {
        startImmediately: true,
      })
      yield* dialer.write([pattern(0, 1)])
      assert.deepStrictEqual(yield* next(acceptor), [pattern(0, 1)])
      assert.strictEqual(renewals, 0)
      if (harness.withdraw === undefined) return assert.fail("a transport with proofs needs `withdraw` in its harness")
      yield* harness.withdraw
      yield* Fiber.join(renewing)
      for (const connection of [acceptor, dialer]) {
        yield* eventually(Effect.map(next(connection), (outcome) => isEnd(outcome, "closed")))
        assert.isTrue(isEnd(yield* reasonOf(connection.write([pattern(0, 1)])), "closed"))
      }
      // A fiber that asks later finds the renewal complete.
      yield* Effect.race(renewalOf(acceptor), renewalOf(dialer))
    }),
  )
}
