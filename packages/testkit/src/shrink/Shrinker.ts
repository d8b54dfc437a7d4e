/** Search for a smaller attempt that still fails the same check, by delta debugging. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Attempt, attemptOf, endsOf, type Item, type Items, itemsOf, keyOf, kindOf, sizeOf } from "./items.ts"
import { isSimpler, simplerItems } from "./simplify.ts"

/**
 * Groupings of the items that are left out together, from the largest groups to single items. `undefined` means no
 * group.
 */
const passes: ReadonlyArray<(item: Item) => string | undefined> = [
  (item) => item.side,
  (item) => (item.side === "draws" ? kindOf(item.stream) : undefined),
  (item) => (item.side === "faults" ? item.fault.kind : undefined),
  (item) => (item.side === "draws" ? item.stream : undefined),
  (item) => (item.side === "faults" ? item.id : undefined),
  (item) => (item.side === "draws" ? item.id : undefined),
]

interface Options<E, R> {
  readonly test: (attempt: Attempt) => Effect.Effect<Attempt | undefined, E, R>
  readonly maxRuns: number
  /** Milliseconds of real time after which no further run begins. */
  readonly within: number
}

export class Shrinker<E, R> {
  private readonly options: Options<E, R>
  private readonly start: Attempt
  /** Last place of each stream. */
  private readonly ends: ReadonlyMap<string, number>
  /** Keys of the attempts that were run. The start and the executed attempts need none: every candidate is simpler. */
  private readonly seen = new Set<string>()
  private items: Items
  private runCount = 0
  /** `true` once the runs or the time are used up. */
  private over = false
  /** Time at which shrinking began. */
  private began = 0n

  constructor(start: Attempt, options: Options<E, R>) {
    this.options = options
    this.start = start
    this.ends = endsOf(start.deviations)
    this.items = itemsOf(start, this.ends)
  }

  /** Leaves out and simplifies items until nothing changes, or until the runs or the time are used up. */
  run(): Effect.Effect<void, E, R> {
    return Effect.gen({ self: this }, function* () {
      this.began = yield* Clock.monotonicTimeNanos
      for (let before: Items = []; before !== this.items && !this.over;) {
        before = this.items
        for (const groupOf of passes) yield* this.leaveOut(groupOf)
        yield* this.simplify()
      }
    })
  }

  /** Returns the smallest attempt that was found. */
  result() {
    return {
      attempt: attemptOf(this.items),
      from: sizeOf(itemsOf(this.start, this.ends)),
      runs: this.runCount,
      minimal: !this.over,
    }
  }

  /** Runs the candidate. Continues with it and returns `true` if the same check fails. */
  private accept(candidate: Items): Effect.Effect<boolean, E, R> {
    const { maxRuns, test, within } = this.options
    return Effect.gen({ self: this }, function* () {
      const attempt = attemptOf(candidate)
      const key = keyOf(attempt)
      if (this.seen.has(key)) return false
      const now = yield* Clock.monotonicTimeNanos
      this.over = this.over || this.runCount >= maxRuns || Number(now - this.began) / 1_000_000 >= within
      if (this.over) return false
      this.seen.add(key)
      this.runCount++
      // A run is synchronous, so the shrinker yields between runs: other fibers run, and it can be interrupted.
      yield* Effect.yieldNow
      const executed = yield* test(attempt)
      if (executed === undefined) return false
      const next = itemsOf(executed, this.ends)
      // The run took another path and made more faults or draws than before.
      if (!isSimpler(next, this.items)) return false
      this.items = next
      return true
    })
  }

  /** Leaves out groups: all at once, each half, each quarter, down to each single group. */
  private leaveOut(groupOf: (item: Item) => string | undefined): Effect.Effect<void, E, R> {
    const groups = (): ReadonlyArray<string> => [...new Set(this.items.flatMap((item) => groupOf(item) ?? []))]
    return Effect.gen({ self: this }, function* () {
      let left = groups()
      for (let size = left.length; size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
        for (let i = 0; i < left.length && !this.over;) {
          const chunk = new Set(left.slice(i, i + size))
          const without = this.items.filter((item) => {
            const group = groupOf(item)
            return group === undefined || !chunk.has(group)
          })
          if (yield* this.accept(without)) left = groups()
          else i += size
        }
      }
    })
  }

  /** Replaces each item by a simpler item as long as the same check fails. */
  private simplify(): Effect.Effect<void, E, R> {
    return Effect.gen({ self: this }, function* () {
      for (let i = 0; i < this.items.length && !this.over; i++) {
        for (let again = true; again && !this.over;) {
          again = false
          const item = this.items[i]
          for (const simpler of item === undefined ? [] : simplerItems(item)) {
            again = yield* this.accept(this.items.with(i, simpler))
            if (again) break
          }
        }
      }
    })
  }
}
