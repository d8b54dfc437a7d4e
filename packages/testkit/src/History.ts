/**
 * Who called what and when, what came of it, and who saw what; and checks of it, which give sentences of what is wrong.
 * A history lives in the scenario, outside of the nodes, so that no crash takes it away.
 *
 * ```ts
 * const history = History.make<History.RegisterOperation<number>, number | boolean>()
 * yield* history.call("client 1", { _tag: "write", value: 3 }, client.write(3))
 * assert.deepStrictEqual(History.linearizable(history.calls(), History.register(0)), [])
 * ```
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Call, Moment, Note, Outcome } from "./history/records.ts"
import { NodeDown } from "./SimulationError.ts"

export * from "./history/checks.ts"
export * from "./history/linearizable.ts"
export type { Call, Moment, Note, Outcome } from "./history/records.ts"

/** A call that is under way. Only the first end counts. */
export interface Pending<Value> {
  /** It returned. `at` is the virtual time in microseconds. */
  readonly ok: (value: Value, at: number) => void
  /** It failed, and has had no effect. */
  readonly failed: (error: unknown, at: number) => void
  /** It ended, and nobody knows whether it has had its effect. */
  readonly unknown: (at: number) => void
}

/** Records. `Operation` and `Value` are what is called and returned, `Entry` is what is noted. */
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

/** Since the start of the simulation. The wall clock of the scenario is true, too, but counts from elsewhere. */
const now = Effect.map(
  Clock.clockWith((clock) => clock.monotonicTimeNanos),
  (nanos) => Number(nanos / 1000n),
)

const isOpen = (error: unknown): boolean => error instanceof NodeDown || Cause.isTimeoutError(error)

/** An empty history. */
export const make = <Operation = never, Value = never, Entry = never>(): History<Operation, Value, Entry> => {
  const calls: Array<Call<Operation, Value>> = []
  const notes: Array<Note<Entry>> = []
  let recorded = 0

  const moment = (at: number): Moment => ({ at, order: recorded++ })

  const invoke = (who: string, operation: Operation, at: number): Pending<Value> => {
    const call: Call<Operation, Value> = {
      who,
      operation,
      called: moment(at),
      returned: undefined,
      outcome: { _tag: "unknown" },
    }
    const place = calls.push(call) - 1
    const end = (outcome: Outcome<Value>, at: number): void => {
      if (calls[place] === call) calls[place] = { ...call, outcome, returned: moment(at) }
    }
    return {
      ok: (value, at) => end({ _tag: "ok", value }, at),
      failed: (error, at) => end({ _tag: "failed", error }, at),
      unknown: (at) => end({ _tag: "unknown" }, at),
    }
  }

  return {
    invoke,
    noteAt: (who, value, at) => void notes.push({ who, value, moment: moment(at) }),
    calls: () => [...calls],
    notes: () => [...notes],
    note: (who, value) => Effect.map(now, (at) => void notes.push({ who, value, moment: moment(at) })),
    call: (who, operation, effect, options = {}) =>
      Effect.flatMap(now, (begin) => {
        const pending = invoke(who, operation, begin)
        return Effect.onExit(effect, (exit) =>
          Effect.map(now, (at) => {
            if (Exit.isSuccess(exit)) return pending.ok(exit.value, at)
            const { reasons } = exit.cause
            const errors = reasons.flatMap((reason) => (Cause.isFailReason(reason) ? [reason.error] : []))
            const open = (error: (typeof errors)[number]) => isOpen(error) || options.unknown?.(error) === true
            return errors.length < reasons.length || errors.length === 0 || errors.some(open)
              ? pending.unknown(at)
              : pending.failed(errors[0], at)
          }),
        )
      }),
  }
}
