/**
 * Time limit and outcome of a handshake, for acceptor and dialer.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Handshake from "../link/Handshake.ts"

/**
 * Fails with a `HandshakeFailed` of reason `timeout` if the effect takes longer. `missing` names the result that did
 * not arrive.
 */
export const inTime = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  millis: number,
  missing = "complete handshake",
): Effect.Effect<A, E | Handshake.HandshakeFailed, R> =>
  Effect.flatMap(Effect.timeoutOption(effect, millis), (result) =>
    Option.isSome(result)
      ? Effect.succeed(result.value)
      : Effect.fail(new Handshake.HandshakeFailed({ reason: "timeout", message: `no ${missing} within ${millis} ms` })),
  )

/** Returns the outcome of an attempt to establish a link: `up`, or the reason of the failure. */
export const outcomeOf = (exit: Exit.Exit<unknown, Handshake.HandshakeError>): string => {
  if (Exit.isSuccess(exit)) return "up"
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return "interrupted"
  return error._tag === "HandshakeRejected" ? error.code : error.reason
}
