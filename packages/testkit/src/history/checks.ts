/**
 * Checks of a history. Each check is a plain function that returns one sentence per violation. A test asserts
 * `assert.deepStrictEqual(History.noGap(...), [])`; an invariant returns `History.noGap(...)[0] ?? true`.
 */
import * as Equal from "effect/Equal"
import { type Call, describe, type Moment, type Note, show, when } from "./records.ts"

type Sentences = ReadonlyArray<string>

/**
 * Returns the values of the calls that returned, each as a note by the caller at the time of the return.
 *
 * @category getters
 * @since 0.1.0
 */
export const returns = <Operation, Value>(calls: ReadonlyArray<Call<Operation, Value>>): ReadonlyArray<Note<Value>> =>
  calls.flatMap(({ outcome, returned, who }) =>
    outcome._tag === "ok" && returned !== undefined ? [{ who, value: outcome.value, moment: returned }] : [],
  )

/** Groups the items by their keys. */
const groups = <A, K>(all: ReadonlyArray<A>, key: (a: A) => K): ReadonlyMap<K, ReadonlyArray<A>> =>
  Map.groupBy(all, key)

/**
 * Checks that no receiver gets the same value twice. Values are the same if `id` returns the same for both.
 *
 * @category checkers
 * @since 0.1.0
 */
export const atMostOnce = <Value>(
  notes: ReadonlyArray<Note<Value>>,
  id: (value: Value) => string | number,
): Sentences =>
  [...groups(notes, ({ who }) => who)].flatMap(([who, ofWho]) =>
    [...groups(ofWho, ({ value }) => id(value))].flatMap(([key, same]) =>
      same.length < 2
        ? []
        : [`${who} got ${show(key)} ${same.length} times: ${same.map(({ moment }) => when(moment)).join(", ")}`],
    ),
  )

/**
 * Checks that no two values have the same identifier, whichever node made them.
 *
 * @category checkers
 * @since 0.1.0
 */
export const uniqueIds = <Value>(notes: ReadonlyArray<Note<Value>>, id: (value: Value) => string | number): Sentences =>
  [...groups(notes, ({ value }) => id(value))].flatMap(([key, same]) =>
    same.length < 2
      ? []
      : [
          `${show(key)} was made ${same.length} times: ` +
            same.map(({ moment, who }) => `by ${who} ${when(moment)}`).join(", "),
        ],
  )

/**
 * Functions that return the sender of a message, and its number among all messages of that sender.
 *
 * @category models
 * @since 0.1.0
 */
export interface Numbered<Value> {
  readonly sender: (value: Value) => string
  readonly number: (value: Value) => number
}

/** Groups the notes by receiver and sender. */
const streams = <Value>(notes: ReadonlyArray<Note<Value>>, { number, sender }: Numbered<Value>) =>
  [...groups(notes, ({ who }) => who)].flatMap(([who, ofWho]) =>
    [...groups(ofWho, ({ value }) => sender(value))].map(([from, heard]) => ({
      who,
      from,
      heard: heard.map(({ moment, value }) => ({ moment, number: number(value) })),
    })),
  )

/** Returns the pairs of neighbours in which the second number is less than the first. */
const falls = <A extends { readonly number: number }>(all: ReadonlyArray<A>): ReadonlyArray<readonly [A, A]> =>
  all.flatMap((second, i) => {
    const first = all[i - 1]
    return first !== undefined && second.number < first.number ? [[first, second] as const] : []
  })

/**
 * Checks that each receiver gets the messages of each sender in the order in which they were sent. Ignores gaps and
 * repetitions.
 *
 * @category checkers
 * @since 0.1.0
 */
export const perSenderOrder = <Value>(notes: ReadonlyArray<Note<Value>>, numbered: Numbered<Value>): Sentences =>
  streams(notes, numbered).flatMap(({ from, heard, who }) =>
    falls(heard).map(
      ([first, second]) => `${who} got ${second.number} of ${from} after ${first.number}, ${when(second.moment)}`,
    ),
  )

/** Maximum number of missing numbers that a sentence lists. */
const listed = 10

/**
 * Checks that a receiver that got any message of a sender got all messages from the first one to the last one received.
 *
 * @category checkers
 * @since 0.1.0
 */
export const noGap = <Value>(
  notes: ReadonlyArray<Note<Value>>,
  numbered: Numbered<Value> & {
    /** Number of the first message. Defaults to 1. */
    readonly first?: number | undefined
  },
): Sentences =>
  streams(notes, numbered).flatMap(({ from, heard, who }) => {
    const numbers = heard.map(({ number }) => number).sort((a, b) => a - b)
    const missing: Array<number> = []
    let count = 0
    let expected = numbered.first ?? 1
    for (const number of numbers) {
      count += Math.max(0, number - expected)
      for (; expected < number && missing.length < listed; expected++) missing.push(expected)
      expected = number + 1
    }
    if (count === 0) return []
    const more = count > missing.length ? ` and ${count - missing.length} more` : ""
    return [`${who} never got ${missing.join(", ")}${more} of ${from}, but got ${numbers.at(-1) ?? ""}`]
  })

/**
 * Checks that the value of each key never decreases, such as an incarnation, a version or an offset. The key may
 * include the observer.
 *
 * @category checkers
 * @since 0.1.0
 */
export const monotone = <Value>(
  notes: ReadonlyArray<Note<Value>>,
  options: { readonly key: (value: Value, who: string) => string; readonly value: (value: Value) => number },
): Sentences =>
  [...groups(notes, ({ value, who }) => options.key(value, who))].flatMap(([key, ofKey]) =>
    falls(ofKey.map(({ moment, value, who }) => ({ moment, who, number: options.value(value) }))).map(
      ([first, second]) =>
        `${key} went back from ${first.number} to ${second.number}, seen by ${second.who} ${when(second.moment)}`,
    ),
  )

const isRecord = (value: unknown): value is object => typeof value === "object" && value !== null

/** Describes the first difference of two values that are not equal. */
const difference = (a: unknown, b: unknown, path = ""): string => {
  const plain = (value: unknown): value is object =>
    isRecord(value) && !(value instanceof Map) && !(value instanceof Set)
  if (plain(a) && plain(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
    const key = keys.find((key) => !Equal.equals(Reflect.get(a, key), Reflect.get(b, key)))
    if (key !== undefined) return difference(Reflect.get(a, key), Reflect.get(b, key), `${path}.${key}`)
  }
  return `${path === "" ? "" : `${path.slice(1)} is `}${show(a)} and not ${show(b)}`
}

/**
 * Checks that folding the events in their order gives the snapshot.
 *
 * @category checkers
 * @since 0.1.0
 */
export const foldEquals = <Event, State>(
  events: ReadonlyArray<Event>,
  snapshot: State,
  options: {
    readonly initial: State
    readonly fold: (state: State, event: Event) => State
    /** Compares the folded state with the snapshot. Defaults to `Equal.equals`, which compares structure. */
    readonly equals?: ((folded: State, snapshot: State) => boolean) | undefined
  },
): Sentences => {
  const folded = events.reduce(options.fold, options.initial)
  const equals = options.equals ?? Equal.equals
  return equals(folded, snapshot)
    ? []
    : [`the ${events.length} events do not add up to the snapshot: ${difference(folded, snapshot)}`]
}

/**
 * Checks the reads of a counter that only grows. Each read lies between the sum acknowledged before the read began and
 * the sum attempted before the read ended.
 *
 * @category checkers
 * @since 0.1.0
 */
export const counter = <Operation, Value>(
  calls: ReadonlyArray<Call<Operation, Value>>,
  options: {
    /** Returns the amount that an operation adds, or `undefined` if the operation is a read. */
    readonly add: (operation: Operation) => number | undefined
    /** Returns the counter from the value of a read. */
    readonly read: (value: Value) => number
  },
): Sentences => {
  interface Step {
    readonly moment: Moment
    readonly run: () => void
  }
  const wrong: Array<string> = []
  let acknowledged = 0
  let attempted = 0
  const stepsOf = (call: Call<Operation, Value>): ReadonlyArray<Step> => {
    const { called, operation, outcome, returned } = call
    if (outcome._tag === "failed") return []
    const ok = outcome._tag === "ok" && returned !== undefined
    const added = options.add(operation)
    if (added !== undefined) {
      const begin = { moment: called, run: () => (attempted += added) }
      return ok ? [begin, { moment: returned, run: () => (acknowledged += added) }] : [begin]
    }
    if (!ok) return []
    const value = options.read(outcome.value)
    let least = 0
    const check = (): void => {
      if (value >= least && value <= attempted) return
      const bound =
        value < least ? `${least} was acknowledged before` : `at most ${attempted} was added or attempted by then`
      wrong.push(`${describe(call)}: ${bound}`)
    }
    return [
      { moment: called, run: () => (least = acknowledged) },
      { moment: returned, run: check },
    ]
  }
  const steps = calls.flatMap(stepsOf).sort((a, b) => a.moment.order - b.moment.order)
  for (const { run } of steps) run()
  return wrong
}
