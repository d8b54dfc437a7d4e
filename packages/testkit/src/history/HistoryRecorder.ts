/** Recorder of calls and notes in the order in which they happen. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { NodeDown } from "../SimulationError.ts"
import type { Call, Moment, Note, Outcome, Pending } from "./records.ts"

/**
 * Microseconds since the start of the simulation. The wall clock of the scenario has the same rate and another origin.
 */
const now = Effect.map(
  Clock.clockWith((clock) => clock.monotonicTimeNanos),
  (nanos) => Number(nanos / 1000n),
)

/** Returns `true` if the error leaves open whether the call had its effect. */
const isOpen = (error: unknown): boolean => error instanceof NodeDown || Cause.isTimeoutError(error)

export class HistoryRecorder<Operation, Value, Entry> {
  private readonly recordedCalls: Array<Call<Operation, Value>> = []
  private readonly recordedNotes: Array<Note<Entry>> = []
  private recorded = 0

  private moment(at: number): Moment {
    return { at, order: this.recorded++ }
  }

  calls(): ReadonlyArray<Call<Operation, Value>> {
    return [...this.recordedCalls]
  }

  notes(): ReadonlyArray<Note<Entry>> {
    return [...this.recordedNotes]
  }

  note(who: string, entry: Entry): Effect.Effect<void> {
    return Effect.map(now, (at) => this.noteAt(who, entry, at))
  }

  noteAt(who: string, entry: Entry, at: number): void {
    this.recordedNotes.push({ who, value: entry, moment: this.moment(at) })
  }

  invoke(who: string, operation: Operation, at: number): Pending<Value> {
    const call: Call<Operation, Value> = {
      who,
      operation,
      called: this.moment(at),
      returned: undefined,
      outcome: { _tag: "unknown" },
    }
    const place = this.recordedCalls.push(call) - 1
    const end = (outcome: Outcome<Value>, at: number): void => {
      if (this.recordedCalls[place] !== call) return
      this.recordedCalls[place] = { ...call, outcome, returned: this.moment(at) }
    }
    return {
      ok: (value, at) => end({ _tag: "ok", value }, at),
      failed: (error, at) => end({ _tag: "failed", error }, at),
      unknown: (at) => end({ _tag: "unknown" }, at),
    }
  }

  call<A extends Value, E, R>(
    who: string,
    operation: Operation,
    effect: Effect.Effect<A, E, R>,
    options: { readonly unknown?: ((error: E) => boolean) | undefined } = {},
  ): Effect.Effect<A, E, R> {
    return Effect.flatMap(now, (begin) => {
      const pending = this.invoke(who, operation, begin)
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
    })
  }
}
