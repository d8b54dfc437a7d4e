/**
 * Checks of what was recorded. Each is a plain function that gives sentences of what is wrong, so that a test can say
 * `assert.deepStrictEqual(History.noGap(...), [])`, and an invariant `History.noGap(...)[0] ?? true`.
 */
import * as Equal from "effect/Equal"
import { type Call, describe, type Moment, type Note, show, when } from "./records.ts"

type Sentences = ReadonlyArray<string>

/**
 * What the calls that returned gave, each as a note of who called, at the time of the return.
 *
 * @category getters
 * @since 0.1.0
 */
export const returns = <Operation, Value>(calls: ReadonlyArray<Call<Operation, Value>>): ReadonlyArray<Note<Value>> =>
  calls.flatMap(({ outcome, returned, who }) =>
    outcome._tag === "ok" && returned !== undefined ? [{ who, value: outcome.value, moment: returned }] : [],
  )

/** The same list for the same keys. */
const groups = <A, K>(all: ReadonlyArray<A>, key: (a: A) => K): ReadonlyMap<K, ReadonlyArray<A>> =>
  Map.groupBy(all, key)

/**
 * Nobody gets the same thing twice. `id` tells what is the same.
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
 * Nothing has the same identifier as another, whoever made it.
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
 * From whom a message is, and its number among all that this sender sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Numbered<Value> {
  readonly sender: (value: Value) => string
  readonly number: (value: Value) => number
}

/** What was heard, by who heard it of whom. */
const streams = <Value>(notes: ReadonlyArray<Note<Value>>, { number, sender }: Numbered<Value>) =>
  [...groups(notes, ({ who }) => who)].flatMap(([who, ofWho]) =>
    [...groups(ofWho, ({ value }) => sender(value))].map(([from, heard]) => ({
      who,
      from,
      heard: heard.map(({ moment, value }) => ({ moment, number: number(value) })),
    })),
  )

/** Pairs of neighbours in which the second is less. */
const falls = <A extends { readonly number: number }>(all: ReadonlyArray<A>): ReadonlyArray<readonly [A, A]> =>
  all.flatMap((second, i) => {
    const first = all[i - 1]
    return first !== undefined && second.number < first.number ? [[first, second] as const] : []
  })

/**
 * What one sender sent is heard in the order in which it was sent. Gaps and repetitions are no matter here.
 *
 * @category checkers
 * @since 0.1.0
 */
export const perSenderOrder = <Value>(notes: ReadonlyArray<Note<Value>>, numbered: Numbered<Value>): Sentences =>
  streams(notes, numbered).flatMap(({ from, heard, who }) =>
    falls(heard).map(
      ([first, second]) => `${who} heard ${second.number} of ${from} after ${first.number}, ${when(second.moment)}`,
    ),
  )

/** The most numbers that a sentence lists. */
const listed = 10

/**
 * Who heard something of a sender heard everything from the first to the last of it.
 *
 * @category checkers
 * @since 0.1.0
 */
export const noGap = <Value>(
  notes: ReadonlyArray<Note<Value>>,
  numbered: Numbered<Value> & {
    /** The number of the first message. Default: 1. */
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
    return [`${who} never heard ${missing.join(", ")}${more} of ${from}, but heard ${numbers.at(-1) ?? ""}`]
  })

/**
 * Of each key the value never becomes less: incarnations, versions, offsets. The key may tell who saw it.
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

/** Where two values that are not equal differ first. */
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
 * Events, folded one after the other, give the snapshot.
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
    /** Default: equal in structure. */
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
 * What is read of a counter that only grows lies between what was acknowledged before the read began and what was tried
 * before it ended.
 *
 * @category checkers
 * @since 0.1.0
 */
export const counter = <Operation, Value>(
  calls: ReadonlyArray<Call<Operation, Value>>,
  options: {
    /** How much an operation adds; `undefined` if it is a read. */
    readonly add: (operation: Operation) => number | undefined
    /** What a read gave. */
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
        value < least
          ? `${least} was acknowledged before`
          : `no more than ${attempted} was added by then, nor tried to be`
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
