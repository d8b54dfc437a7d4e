/**
 * Checker of linearizability. It searches for one order of overlapping calls, each between its call and its return, in
 * which a sequential model returns the same values. The search is the algorithm of Wing and Gong with the memory of
 * visited states by Lowe.
 */
import * as Equal from "effect/Equal"
import { format } from "effect/Formatter"
import * as Microseconds from "../internal/Microseconds.ts"
import { type Call, describe } from "./records.ts"

/**
 * Sequential model: the results that calls have if they run one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model<State, Operation, Value> {
  readonly initial: State
  /** Returns the state after an operation and the result of the operation. Must be pure. */
  readonly step: (state: State, operation: Operation, who: string) => readonly [State, Value]
}

/**
 * Operation of a register.
 *
 * @category models
 * @since 0.1.0
 */
export type RegisterOperation<A> =
  | { readonly _tag: "read" }
  | { readonly _tag: "write"; readonly value: A }
  | { readonly _tag: "compareAndSet"; readonly expected: A; readonly value: A }

/**
 * Makes the model of a register. A read returns the value, a write returns the written value, and compare-and-set
 * returns `true` if it wrote.
 *
 * @category sequential models
 * @since 0.1.0
 */
export const register = <A>(initial: A): Model<A, RegisterOperation<A>, A | boolean> => ({
  initial,
  step: (state, operation) => {
    switch (operation._tag) {
      case "read":
        return [state, state]
      case "write":
        return [operation.value, operation.value]
      case "compareAndSet":
        return Equal.equals(state, operation.expected) ? [operation.value, true] : [state, false]
    }
  },
})

/**
 * Model of a lock. `acquire` returns `true` for the caller that gets the lock and `false` for all others. Only the
 * holder can release the lock.
 *
 * @category sequential models
 * @since 0.1.0
 */
export const lock: Model<string | undefined, "acquire" | "release", boolean> = {
  initial: undefined,
  step: (holder, operation, who) => {
    if (operation === "acquire") return holder === undefined ? [who, true] : [holder, false]
    return holder === who ? [undefined, true] : [holder, false]
  },
}

/**
 * Options of {@link linearizable}.
 *
 * @category options
 * @since 0.1.0
 */
export interface LinearizableOptions<Operation> {
  /**
   * Returns the subject of an operation, such as the key of a register. Operations with different subjects are checked
   * separately, which is much faster.
   */
  readonly about?: ((operation: Operation) => string) | undefined
  /** Maximum number of states to visit before the history counts as too large. Defaults to {@link defaultLimit}. */
  readonly limit?: number | undefined
}

/**
 * Default of `limit`. The search takes about a second, and is enough for hundreds of calls of which a few overlap at a
 * time.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultLimit = 100_000

/** Maximum number of earlier calls that a sentence lists. */
const listed = 8

/** Call that may have had an effect. */
interface Entry<Operation, Value> {
  readonly call: Call<Operation, Value>
  readonly begin: number
  /** Infinite if the outcome is unknown: the call may have its effect at any time after it began, or never. */
  readonly end: number
}

/** State of a search: the calls that have had their effect, as bits from `first` on, and the resulting model state. */
interface Situation<State> {
  /** Index of the first call that has not had its effect. All earlier calls have had theirs. */
  readonly first: number
  readonly done: bigint
  readonly state: State
}

/** Number of situations that all searches of one check may still visit. */
interface Budget {
  left: number
}

class Search<State, Operation, Value> {
  private readonly model: Model<State, Operation, Value>
  /** Entries in the order in which the calls began. */
  private readonly entries: ReadonlyArray<Entry<Operation, Value>>
  /** Place in the history at which the search ends. Calls that return after it count as still running. */
  private readonly until: number
  private readonly budget: Budget
  private readonly seen = new Set<string>()

  constructor(
    model: Model<State, Operation, Value>,
    entries: ReadonlyArray<Entry<Operation, Value>>,
    until: number,
    budget: Budget,
  ) {
    this.model = model
    this.entries = entries.filter(({ begin }) => begin <= until)
    this.until = until
    this.budget = budget
  }

  /** Returns `true` if an order exists, and `undefined` if the budget is used up before the search is complete. */
  run(): boolean | undefined {
    const open: Array<Situation<State>> = [{ first: 0, done: 0n, state: this.model.initial }]
    for (let situation = open.pop(); situation !== undefined; situation = open.pop()) {
      if (this.budget.left-- <= 0) return undefined
      const candidates = this.candidates(situation)
      if (candidates === undefined) return true
      // The stack is tried from its end, so the reversed order tries the earliest call first.
      for (const place of candidates.reverse()) {
        const next = this.after(situation, place)
        if (next !== undefined) open.push(next)
      }
    }
    return false
  }

  /**
   * Returns the calls that can be next: those that began before the first remaining return. Returns `undefined` if all
   * calls that returned have had their effect.
   */
  private candidates({ done, first }: Situation<State>): Array<number> | undefined {
    const places: Array<number> = []
    let soonest = Infinity
    for (let place = first; place < this.entries.length; place++) {
      const entry = this.entries[place]
      if (entry === undefined || entry.begin > soonest) break
      if (((done >> BigInt(place - first)) & 1n) === 1n) continue
      places.push(place)
      if (entry.end <= this.until) soonest = Math.min(soonest, entry.end)
    }
    return soonest === Infinity ? undefined : places
  }

  private after(situation: Situation<State>, place: number): Situation<State> | undefined {
    const entry = this.entries[place]
    if (entry === undefined) return undefined
    const { operation, outcome, who } = entry.call
    const [state, value] = this.model.step(situation.state, operation, who)
    if (entry.end <= this.until) {
      if (outcome._tag === "ok" && !Equal.equals(value, outcome.value)) return undefined
    } else if (Equal.equals(state, situation.state)) {
      // The call has no known outcome and changes nothing, which equals an order without it.
      return undefined
    }
    let { first } = situation
    let done = situation.done | (1n << BigInt(place - first))
    for (; (done & 1n) === 1n; done >>= 1n) first++
    const key = `${first} ${done.toString(36)} ${format(state)}`
    if (this.seen.has(key)) return undefined
    this.seen.add(key)
    return { first, done, state }
  }
}

const entriesOf = <Operation, Value>(
  calls: ReadonlyArray<Call<Operation, Value>>,
): ReadonlyArray<Entry<Operation, Value>> =>
  calls
    .flatMap((call) => {
      const { called, outcome, returned } = call
      if (outcome._tag === "failed") return []
      const end = outcome._tag === "ok" && returned !== undefined ? returned.order : Infinity
      return [{ call, begin: called.order, end }]
    })
    .sort((a, b) => a.begin - b.begin)

const tooLarge = (count: number, limit: number): string =>
  `the history of ${count} calls is too large to check: after ${limit} states an order was neither found nor ruled out. ` +
  "Let fewer calls overlap, check a part of the history, separate the operations by subject (`about`), or raise `limit`."

/** Checks the calls of one subject. */
const checkOne = <State, Operation, Value>(
  calls: ReadonlyArray<Call<Operation, Value>>,
  model: Model<State, Operation, Value>,
  limit: number,
): ReadonlyArray<string> => {
  const entries = entriesOf(calls)
  const budget: Budget = { left: limit }
  const possible = (until: number): boolean | undefined => new Search(model, entries, until, budget).run()
  const whole = possible(Number.MAX_SAFE_INTEGER)
  if (whole === undefined) return [tooLarge(entries.length, limit)]
  if (whole) return []
  // If a prefix of a history has no order, no longer prefix has one. So bisection finds the shortest such prefix.
  const ends = entries.filter(({ end }) => end !== Infinity).sort((a, b) => a.end - b.end)
  let possibleBefore = 0
  let impossibleAt = ends.length - 1
  while (possibleBefore < impossibleAt) {
    const middle = Math.floor((possibleBefore + impossibleAt) / 2)
    const answer = possible(ends[middle]?.end ?? Infinity)
    if (answer === undefined) break
    if (answer) possibleBefore = middle + 1
    else impossibleAt = middle
  }
  return [sentence(entries, ends[impossibleAt])]
}

const sentence = <Operation, Value>(
  entries: ReadonlyArray<Entry<Operation, Value>>,
  last: Entry<Operation, Value> | undefined,
): string => {
  if (last === undefined) return "no order of the calls matches the model"
  const until = entries.filter(({ begin }) => begin <= last.end)
  const others = until
    .filter((entry) => entry !== last)
    .sort((a, b) => Math.min(a.end, last.end) - Math.min(b.end, last.end) || a.begin - b.begin)
    .slice(-listed)
    .map(({ call }) => describe(call))
  const before = others.length === 0 ? "" : ` Before it: ${others.join("; ")}.`
  const { returned } = last.call
  const began = returned === undefined ? "" : ` that began before ${Microseconds.show(returned.at)}`
  return `no order of the ${until.length} calls${began} explains this: ${describe(last.call)}.${before}`
}

/**
 * Checks that the calls are linearizable: one order of them exists that matches the model. If none exists, the sentence
 * names the last call of the shortest prefix of the history without an order. A search that exceeds `limit` returns a
 * sentence that the history is too large; such a history is neither correct nor incorrect.
 *
 * @category checkers
 * @since 0.1.0
 */
export const linearizable = <State, Operation, Value>(
  calls: ReadonlyArray<Call<Operation, Value>>,
  model: Model<State, Operation, Value>,
  options: LinearizableOptions<Operation> = {},
): ReadonlyArray<string> => {
  const { about, limit = defaultLimit } = options
  if (about === undefined) return checkOne(calls, model, limit)
  return [...Map.groupBy(calls, ({ operation }) => about(operation))].flatMap(([subject, ofSubject]) =>
    checkOne(ofSubject, model, limit).map((text) => `${subject}: ${text}`),
  )
}
