/** What a history is made of. */
import { format } from "effect/Formatter"
import * as Microseconds from "../internal/Microseconds.ts"

/**
 * A time, and its place among everything that the history holds: many things happen within one microsecond.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  /** Virtual time in microseconds. */
  readonly at: number
  readonly order: number
}

/**
 * How a call ended:
 *
 * - `ok`: it returned.
 * - `failed`: it failed, and is known to have had no effect.
 * - `unknown`: it may have had its effect, or have it later: nobody heard of its end.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<Value> =
  | { readonly _tag: "ok"; readonly value: Value }
  | { readonly _tag: "failed"; readonly error: unknown }
  | { readonly _tag: "unknown" }

/**
 * Somebody asked for something.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<Operation, Value> {
  readonly who: string
  readonly operation: Operation
  readonly called: Moment
  /** `undefined` as long as nobody heard of its end. */
  readonly returned: Moment | undefined
  readonly outcome: Outcome<Value>
}

/**
 * A call that is under way. Only the first end counts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pending<Value> {
  /** It returned. `at` is the virtual time in microseconds. */
  readonly ok: (value: Value, at: number) => void
  /** It failed, and has had no effect. */
  readonly failed: (error: unknown, at: number) => void
  /** It ended, and nobody knows whether it has had its effect. */
  readonly unknown: (at: number) => void
}

/**
 * Somebody saw something.
 *
 * @category models
 * @since 0.1.0
 */
export interface Note<Value> {
  readonly who: string
  readonly value: Value
  readonly moment: Moment
}

/** A value for people. */
export const show = (value: unknown): string => {
  const text = format(value)
  return text.length > 100 ? `${text.slice(0, 97)}...` : text
}

/** When it was, for people. */
export const when = ({ at }: Moment): string => `at ${Microseconds.show(at)}`

const ended = <Value>(outcome: Outcome<Value>): string => {
  switch (outcome._tag) {
    case "ok":
      return outcome.value === undefined ? "returned" : `returned ${show(outcome.value)}`
    case "failed":
      return `failed with ${show(outcome.error)}`
    case "unknown":
      return "ended nobody knows how"
  }
}

/** A call as a sentence. */
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
