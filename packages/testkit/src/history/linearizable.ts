/**
 * Whether calls that overlap can be put into one order, each between its call and its return, in which a simple model
 * gives what they returned. The search is that of Wing and Gong, which remembers where it has been, as Lowe's does.
 */
import * as Equal from "effect/Equal"
import { format } from "effect/Formatter"
import { type Call, describe, when } from "./records.ts"

/**
 * What the calls are to look like, if they came one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model<State, Operation, Value> {
  readonly initial: State
  /** The state after an operation, and what the operation returns. It changes nothing. */
  readonly step: (state: State, operation: Operation, who: string) => readonly [State, Value]
}

/**
 * What a register can do.
 *
 * @category models
 * @since 0.1.0
 */
export type RegisterOperation<A> =
  | { readonly _tag: "read" }
  | { readonly _tag: "write"; readonly value: A }
  | { readonly _tag: "compareAndSet"; readonly expected: A; readonly value: A }

/**
 * A register: a read returns its value, a write what it wrote, and compare-and-set whether it did.
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
 * A lock: who gets it gets `true`, and everybody else `false`; only the holder can release it.
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
  /** What an operation is about. Operations about different things are checked apart, which is much faster. */
  readonly about?: ((operation: Operation) => string) | undefined
  /** How many situations are looked at before the history counts as too large. Default: {@link defaultLimit}. */
  readonly limit?: number | undefined
}

/**
 * About a second, and enough for hundreds of calls of which a few overlap at a time.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultLimit = 100_000

/** The most calls that a sentence lists. */
const listed = 8

/** A call that may have had an effect. */
interface Entry<Operation, Value> {
  readonly call: Call<Operation, Value>
  readonly begin: number
  /** Infinite if nobody heard of its end: it may have its effect at any time after its call, or never. */
  readonly end: number
}

/** Where a search is: who has had its effect, as bits from `first` on, and what that made of the state. */
interface Situation<State> {
  /** The first that has not had its effect. All before it had. */
  readonly first: number
  readonly done: bigint
  readonly state: State
}

/** How many situations may still be looked at, by all searches of one check. */
interface Budget {
  left: number
}

class Search<State, Operation, Value> {
  private readonly model: Model<State, Operation, Value>
  /** In the order of their calls. */
  private readonly entries: ReadonlyArray<Entry<Operation, Value>>
  /** What is recorded after this place has not happened yet. */
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

  /** Whether there is an order; `undefined` if it would take too long to find out. */
  run(): boolean | undefined {
    const open: Array<Situation<State>> = [{ first: 0, done: 0n, state: this.model.initial }]
    for (let situation = open.pop(); situation !== undefined; situation = open.pop()) {
      if (this.budget.left-- <= 0) return undefined
      const candidates = this.candidates(situation)
      if (candidates === undefined) return true
      // The last one that is put there is the first that is tried.
      for (const place of candidates.reverse()) {
        const next = this.after(situation, place)
        if (next !== undefined) open.push(next)
      }
    }
    return false
  }

  /** Who can be the next: all that began before the first end of those that are left. `undefined` if all that ended are done. */
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
      // It has not ended and changes nothing: as if it never happened.
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
  `the history of ${count} calls is too large to be checked: no order was found, nor ruled out, among ${limit} situations. ` +
  "Let fewer calls overlap, check a part of it, tell the operations apart by what they are about (`about`), or raise `limit`."

/** Checks the calls about one thing. */
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
  // If a part of a history cannot be ordered, nothing longer can. So the shortest one is found by halving.
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
  if (last === undefined) return "the calls cannot be put into an order"
  const until = entries.filter(({ begin }) => begin <= last.end)
  const others = until
    .filter((entry) => entry !== last)
    .sort((a, b) => Math.min(a.end, last.end) - Math.min(b.end, last.end) || a.begin - b.begin)
    .slice(-listed)
    .map(({ call }) => describe(call))
  const before = others.length === 0 ? "" : ` Before it: ${others.join("; ")}.`
  const returned = last.call.returned === undefined ? "" : ` ${when(last.call.returned)}`
  return `the ${until.length} calls until${returned} cannot be put into any order that explains this: ${describe(last.call)}.${before}`
}

/**
 * Finds out whether an order exists. If not, it says up to where the shortest part goes that has none. It tries many
 * orders; a history that would take too long is reported as too large, and is neither right nor wrong.
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
