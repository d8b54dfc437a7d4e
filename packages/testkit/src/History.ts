/**
 * Who called what and when, what came of it, and who saw what; and checks of it, which give sentences of what is wrong.
 * A history lives in the scenario, outside of the nodes, so that no crash takes it away.
 *
 * ```ts
 * import { History } from "@coterie/testkit"
 * import { Effect } from "effect"
 *
 * const check = Effect.gen(function* () {
 *   const history = History.make<History.RegisterOperation<number>, number | boolean>()
 *   yield* history.call("client 1", { _tag: "write", value: 3 }, Effect.succeed(3))
 *   yield* history.call("client 2", { _tag: "read" }, Effect.succeed(3))
 *   return History.linearizable(history.calls(), History.register(0))
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { HistoryRecorder } from "./history/HistoryRecorder.ts"
import type { Call, Note, Pending } from "./history/records.ts"

export * from "./history/checks.ts"
export * from "./history/linearizable.ts"
export type { Call, Moment, Note, Outcome, Pending } from "./history/records.ts"

/**
 * Records. `Operation` and `Value` are what is called and returned, `Entry` is what is noted.
 *
 * @category models
 * @since 0.1.0
 */
export interface History<Operation, Value, Entry> {
  /**
   * Runs an effect as a call. A failure counts as `failed`, unless it leaves open whether the effect happened: an
   * interruption, a defect, `NodeDown`, a timeout, and what `unknown` says.
   */
  readonly call: <A extends Value, E, R>(
    who: string,
    operation: Operation,
    effect: Effect.Effect<A, E, R>,
    options?: { readonly unknown?: ((error: E) => boolean) | undefined },
  ) => Effect.Effect<A, E, R>
  /** Notes what somebody saw. */
  readonly note: (who: string, entry: Entry) => Effect.Effect<void>
  /** As `call`, for code that is no effect. `at` is the virtual time in microseconds. */
  readonly invoke: (who: string, operation: Operation, at: number) => Pending<Value>
  /** As `note`, for code that is no effect. `at` is the virtual time in microseconds. */
  readonly noteAt: (who: string, entry: Entry, at: number) => void
  /** All calls so far, in their order. Those that are under way are `unknown`, without a return. */
  readonly calls: () => ReadonlyArray<Call<Operation, Value>>
  /** All notes so far, in their order. */
  readonly notes: () => ReadonlyArray<Note<Entry>>
}

/**
 * Makes an empty history.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Operation = never, Value = never, Entry = never>(): History<Operation, Value, Entry> =>
  new HistoryRecorder<Operation, Value, Entry>()
