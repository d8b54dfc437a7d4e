/** Attempts for the tests of the shrinker, and runs that fail if an attempt has what the failure needs. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Fault } from "../../src/FaultPlan.ts"
import type * as Shrink from "../../src/Shrink.ts"

export type Attempt = Shrink.Attempt
export type Deviations = Attempt["deviations"]

export const seconds = (count: number): number => count * 1_000_000

/** Returns the draws as texts, such as `loss a>b #2`. */
export const drawsOf = ({ deviations }: Attempt): ReadonlyArray<string> =>
  Object.entries(deviations).flatMap(([stream, draws]) => Object.keys(draws).map((index) => `${stream} #${index}`))

/** Returns the faults as texts, such as `crash 5` at five seconds. */
export const faultsOf = ({ timeline }: Attempt): ReadonlyArray<string> =>
  timeline.map(({ at, kind }) => `${kind} ${at / 1e6}`)

export const itemsOf = (attempt: Attempt): ReadonlyArray<string> => [...faultsOf(attempt), ...drawsOf(attempt)]

/** Returns the attempt without an item. */
export const without = (attempt: Attempt, item: string): Attempt => ({
  timeline: attempt.timeline.filter(({ at, kind }) => `${kind} ${at / 1e6}` !== item),
  deviations: Object.fromEntries(
    Object.entries(attempt.deviations)
      .map(([stream, draws]) => {
        const left = Object.entries(draws).filter(([index]) => `${stream} #${index}` !== item)
        return [stream, Object.fromEntries(left)] as const
      })
      .filter(([, draws]) => Object.keys(draws).length > 0),
  ),
})

/** Returns the same key for equal attempts. */
export const keyOf = ({ deviations, timeline }: Attempt): string =>
  JSON.stringify([timeline, Object.entries(deviations).sort(([a], [b]) => (a < b ? -1 : 1))])

export interface Tester {
  readonly test: (attempt: Attempt) => Effect.Effect<Attempt | undefined>
  readonly given: Array<Attempt>
  /** Attempts that failed, as they were executed. */
  readonly failed: Array<Attempt>
}

/** Makes a run that executes a part of an attempt, by default all, and fails if the predicate holds. */
export const tester = (
  fails: (executed: Attempt) => boolean,
  execute: (given: Attempt) => Attempt = (given) => given,
): Tester => {
  const given: Array<Attempt> = []
  const failed: Array<Attempt> = []
  return {
    given,
    failed,
    test: (attempt) =>
      Effect.sync(() => {
        given.push(attempt)
        const executed = execute(attempt)
        if (!fails(executed)) return undefined
        failed.push(executed)
        return executed
      }),
  }
}

export const needs =
  (...wanted: ReadonlyArray<string>) =>
  (attempt: Attempt): boolean => {
    const items = itemsOf(attempt)
    return wanted.every((item) => items.includes(item))
  }

export const kinds: ReadonlyArray<(at: number) => Fault> = [
  (at) => ({ kind: "crash", at, for: seconds(3), node: "b" }),
  (at) => ({ kind: "partition", at, for: seconds(10), from: ["a"], to: ["b", "c"] }),
  (at) => ({ kind: "pause", at, for: seconds(2), node: "c" }),
  (at) => ({ kind: "reset", at, from: "a", to: "b" }),
  (at) => ({ kind: "clock", at, node: "a", by: seconds(-2) }),
]

/** Returns faults of all kinds in turn, one per second. */
export const timeline = (count: number): ReadonlyArray<Fault> =>
  Array.from({ length: count }, (_, i) => kinds[i % kinds.length]?.(seconds(i)) ?? assert.fail("there are no kinds"))

const streams = ["delay a>b", "loss a>b", "loss b>c", "pick", "loss a>c"]

/** Returns draws of all streams in turn. */
export const deviations = (count: number): Deviations =>
  Object.fromEntries(
    streams
      .slice(0, count)
      .map((stream, s) => [
        stream,
        Object.fromEntries(Array.from({ length: Math.ceil((count - s) / streams.length) }, (_, i) => [i, 1])),
      ]),
  )

export const many: Attempt = { timeline: timeline(22), deviations: deviations(14) }
