/** Calls and notes of a history. */
import { format } from "effect/Formatter"
import * as Microseconds from "../internal/Microseconds.ts"

/**
 * Virtual time and place in the history. The place orders entries of the same microsecond.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  /** Virtual time in microseconds. */
  readonly at: number
  /** Place among all entries of the history, counted from 0. */
  readonly order: number
}

/**
 * Outcome of a call:
 *
 * - `ok`: the call returned.
 * - `failed`: the call failed, and is known to have had no effect.
 * - `unknown`: the outcome was not observed. The call may have had its effect, may have it later, or never.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<Value> =
  | { readonly _tag: "ok"; readonly value: Value }
  | { readonly _tag: "failed"; readonly error: unknown }
  | { readonly _tag: "unknown" }

/**
 * Call of an operation by a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<Operation, Value> {
  readonly who: string
  readonly operation: Operation
  readonly called: Moment
  /** Time of the return. `undefined` until the call has ended. */
  readonly returned: Moment | undefined
  readonly outcome: Outcome<Value>
}

/**
 * Call that has not ended. Only the first end counts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pending<Value> {
  /** Ends the call with a value. `at` is the virtual time in microseconds. */
  readonly ok: (value: Value, at: number) => void
  /** Ends the call with a failure that had no effect. */
  readonly failed: (error: unknown, at: number) => void
  /** Ends the call with an unknown outcome: it may have had its effect. */
  readonly unknown: (at: number) => void
}

/**
 * Observation by a client or node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Note<Value> {
  readonly who: string
  readonly value: Value
  readonly moment: Moment
}

/** Formats a value, shortened to 100 characters. */
export const show = (value: unknown): string => {
  const text = format(value)
  return text.length > 100 ? `${text.slice(0, 97)}...` : text
}

/** Formats a time: `at 5.000 s`. */
export const when = ({ at }: Moment): string => `at ${Microseconds.show(at)}`

const ended = <Value>(outcome: Outcome<Value>): string => {
  switch (outcome._tag) {
    case "ok":
      return outcome.value === undefined ? "returned" : `returned ${show(outcome.value)}`
    case "failed":
      return `failed with ${show(outcome.error)}`
    case "unknown":
      return "ended with an unknown outcome"
  }
}

/** Formats a call as a sentence. */
export const describe = <Operation, Value>({
  called,
  operation,
  outcome,
  returned,
  who,
}: Call<Operation, Value>): string => {
  const begin = `${who} called ${show(operation)} ${when(called)}`
  return returned === undefined ? `${begin}, which never ended` : `${begin}, which ${ended(outcome)} ${when(returned)}`
}
