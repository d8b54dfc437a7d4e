/**
 * Record of the calls of clients with their outcomes, and of the observations of nodes. Checks of a history return one
 * sentence per violation. A history belongs to the scenario and not to a node, so that it survives crashes.
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
 * Recorder of calls and notes. `Operation` is the type of calls, `Value` of their results, and `Entry` of notes.
 *
 * @category models
 * @since 0.1.0
 */
export interface History<Operation, Value, Entry> {
  /**
   * Runs an effect as a call. A failure counts as `failed`, except for failures after which the operation may have
   * happened. These count as `unknown`: an interruption, a defect, `NodeDown`, a timeout, and errors for which the
   * option `unknown` returns `true`.
   */
  readonly call: <A extends Value, E, R>(
    who: string,
    operation: Operation,
    effect: Effect.Effect<A, E, R>,
    options?: { readonly unknown?: ((error: E) => boolean) | undefined },
  ) => Effect.Effect<A, E, R>
  /** Records an observation. */
  readonly note: (who: string, entry: Entry) => Effect.Effect<void>
  /** Begins a call, for code that is not an effect. `at` is the virtual time in microseconds. */
  readonly invoke: (who: string, operation: Operation, at: number) => Pending<Value>
  /** Records an observation, for code that is not an effect. `at` is the virtual time in microseconds. */
  readonly noteAt: (who: string, entry: Entry, at: number) => void
  /**
   * Returns all calls so far, in the order in which they began. Calls that have not ended are `unknown`, without a
   * return.
   */
  readonly calls: () => ReadonlyArray<Call<Operation, Value>>
  /** Returns all notes so far, in their order. */
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
