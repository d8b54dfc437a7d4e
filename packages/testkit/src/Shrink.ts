/**
 * Makes a failure small: leaves out faults and draws as long as the same check fails, by delta debugging. Each decision of
 * the environment is a draw with a name, so that one can be left out without moving the others.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Fault } from "./FaultPlan.ts"
import { drawSentence, sentence } from "./faults/sentence.ts"
import type { Deviations } from "./kernel/Draws.ts"
import * as Hash from "./kernel/Hash.ts"

/** What goes wrong in one run: the faults, and the draws that are not benign. */
export interface Attempt {
  readonly timeline: ReadonlyArray<Fault>
  readonly deviations: Deviations
}

export interface Options<E = never, R = never> {
  /**
   * Runs it, and gives what was really executed if the same check fails; `undefined` if it does not. A run may use
   * less than it was given, because it ended earlier or took another way.
   */
  readonly test: (attempt: Attempt) => Effect.Effect<Attempt | undefined, E, R>
  /** Default: {@link defaultMaxRuns}. */
  readonly maxRuns?: number | undefined
  /** Real time after which no further run begins. Default: {@link defaultWithin}. */
  readonly within?: Duration.Input | undefined
}

/** Enough for some twenty things that matter among a hundred thousand that do not. */
export const defaultMaxRuns = 500

/** As long as one likes to wait for a test that has failed anyway. */
export const defaultWithin: Duration.Input = "5 seconds"

/** How much there is. */
export interface Size {
  readonly faults: number
  readonly draws: number
}

export interface Shrunk {
  /** The smallest that was found, as it was executed. */
  readonly attempt: Attempt
  /** How much there was before. */
  readonly from: Size
  readonly runs: number
  /** Whether everything was tried: no single fault or draw can be left out. If not, runs or time were over before. */
  readonly minimal: boolean
  /** What is left, for people. */
  readonly sentences: ReadonlyArray<string>
}

interface FaultItem {
  readonly side: "faults"
  /** Its place in the attempt. */
  readonly id: string
  readonly fault: Fault
}

interface DrawItem {
  readonly side: "draws"
  readonly id: string
  readonly stream: string
  readonly index: number
  readonly value: number
}

type Item = FaultItem | DrawItem
type Items = ReadonlyArray<Item>

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The first word of its name. */
const kindOf = (stream: string): string => stream.split(" ", 1)[0] ?? stream

/** The draws that are not benign, in the order of their places, by stream. */
const streamsOf = (
  deviations: Deviations,
): ReadonlyArray<readonly [string, ReadonlyArray<readonly [number, number]>]> =>
  Object.entries(deviations)
    .map(([stream, draws]) => {
      const entries = Object.entries(draws).flatMap(([index, value]) =>
        value === 0 ? [] : [[Number(index), value] as const],
      )
      // Keys that are whole numbers are in their order by themselves.
      return [stream, entries] as const
    })
    .filter(([, draws]) => draws.length > 0)
    .sort(([a], [b]) => byText(a, b))

/** The last place of each stream. */
const endsOf = (deviations: Deviations): ReadonlyMap<string, number> =>
  new Map(streamsOf(deviations).map(([stream, draws]) => [stream, draws.at(-1)?.[0] ?? 0]))

/**
 * Both sides in the order of time, so that neighbours are what happened together. Draws have no time, but those
 * of a stream come one after the other, over about the whole run: `ends` says how far.
 */
const itemsOf = (attempt: Attempt, ends: ReadonlyMap<string, number>): Items => {
  const faults = attempt.timeline
    .toSorted((a, b) => a.at - b.at)
    .map((fault, i): FaultItem => ({ side: "faults", id: `fault ${i}`, fault }))
  const draws = streamsOf(attempt.deviations).flatMap(([stream, entries]) =>
    entries.map(([index, value]) => {
      const item: DrawItem = { side: "draws", id: `${stream} #${index}`, stream, index, value }
      return { item, when: index / ((ends.get(stream) ?? index) + 1) }
    }),
  )
  return [...faults, ...draws.sort((a, b) => a.when - b.when).map(({ item }) => item)]
}

const attemptOf = (items: Items): Attempt => {
  const timeline: Array<Fault> = []
  const streams = new Map<string, Record<string, number>>()
  for (const item of items) {
    if (item.side === "faults") {
      timeline.push(item.fault)
      continue
    }
    const draws = streams.get(item.stream)
    if (draws === undefined) streams.set(item.stream, { [item.index]: item.value })
    else draws[item.index] = item.value
  }
  return { timeline, deviations: Object.fromEntries(streams) }
}

/** The same for equal attempts. A hash, because five hundred attempts of a hundred thousand draws are too much to keep. */
const keyOf = ({ deviations, timeline }: Attempt): string => {
  const hash = Hash.make()
  for (const fault of timeline) {
    hash.text(JSON.stringify(Object.entries(fault).sort(([a], [b]) => byText(a, b))))
  }
  for (const [stream, draws] of streamsOf(deviations)) {
    hash.text(stream)
    hash.add(draws.length)
    for (const [index, value] of draws) {
      hash.add(index)
      hash.add(value)
    }
  }
  return hash.digest()
}

const sizeOf = (items: Items): Size => {
  const faults = items.filter(({ side }) => side === "faults").length
  return { faults, draws: items.length - faults }
}

/** Where less is worse, because 0 stands for no limit: a smaller value is not a simpler one. */
const limits = new Set(["bandwidth", "queue", "sendBuffer"])

/** How much there is in an item. Every simplification makes it less. */
const weightOf = (item: Item): number => {
  if (item.side === "draws") return limits.has(kindOf(item.stream)) ? 0 : item.value
  const { fault } = item
  const lasts = "for" in fault ? fault.for : 0
  switch (fault.kind) {
    case "partition":
      return lasts + fault.from.length + fault.to.length
    case "swizzle":
      return lasts + fault.nodes.reduce((sum, { from, to }) => sum + 1 + Math.max(0, to - from), 0)
    case "crash":
      return lasts + (fault.silent === true ? 1 : 0)
    case "slow":
      return lasts + fault.task
    case "clock":
      return Math.abs(fault.by)
    case "drift":
      return Math.abs(fault.ppm)
    default:
      return lasts
  }
}

const isSimpler = (a: Items, b: Items): boolean => {
  if (a.length !== b.length) return a.length < b.length
  const weight = (items: Items): number => items.reduce((sum, item) => sum + weightOf(item), 0)
  return weight(a) < weight(b)
}

/** Down to two digits that count: 13.482731 s is hard to read. */
const readable = (quantity: number): number => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(quantity)) - 1)
  return Math.floor(quantity / unit) * unit
}

/** Smaller quantities, the smallest first: the least there is, a half, and the same but easier to read. */
const lower = (quantity: number, least: number): ReadonlyArray<number> => {
  const size = Math.abs(quantity)
  const candidates = size > least ? [least, readable(size / 2), readable(size)] : []
  return candidates
    .filter((candidate, i) => candidate >= least && candidate < size && candidates.indexOf(candidate) === i)
    .map((candidate) => candidate * Math.sign(quantity))
}

/** Nothing becomes easier to understand below a millisecond. */
const leastTime = 1000

/** Fewer of them, but some: one half, the other half, or all but one. */
const fewer = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (list.length < 2) return []
  const half = Math.ceil(list.length / 2)
  const halves = [list.slice(0, half), list.slice(half)]
  return list.length === 2 ? halves : [...halves, ...list.map((_, i) => list.toSpliced(i, 1))]
}

/** A cut that ends when its last node is back. */
const swizzleOf = (fault: Extract<Fault, { readonly kind: "swizzle" }>, nodes: (typeof fault)["nodes"]): Fault => ({
  ...fault,
  nodes,
  for: Math.min(fault.for, Math.max(...nodes.map(({ to }) => to))),
})

const simplerFaults = (fault: Fault): ReadonlyArray<Fault> => {
  switch (fault.kind) {
    case "swizzle":
      return [
        ...fault.nodes.flatMap((node, i) =>
          lower(Math.max(0, node.to - node.from), leastTime).map((span) =>
            swizzleOf(fault, fault.nodes.with(i, { ...node, to: node.from + span })),
          ),
        ),
        ...fewer(fault.nodes).map((nodes) => swizzleOf(fault, nodes)),
      ]
    case "reset":
    case "halfOpen":
      return []
    case "clock":
      return lower(fault.by, leastTime).map((by) => ({ ...fault, by }))
    case "drift":
      return lower(fault.ppm, 1).map((ppm) => ({ ...fault, ppm }))
    default:
      return [...lower(fault.for, leastTime).map((shorter) => ({ ...fault, for: shorter })), ...milder(fault)]
  }
}

/** What else there is to simplify of a fault that lasts. */
const milder = (
  fault: Exclude<Extract<Fault, { readonly for: number }>, { readonly kind: "swizzle" }>,
): ReadonlyArray<Fault> => {
  switch (fault.kind) {
    case "partition":
      return [
        ...fewer(fault.from).map((from) => ({ ...fault, from })),
        ...fewer(fault.to).map((to) => ({ ...fault, to })),
      ]
    case "crash": {
      const { silent, ...loud } = fault
      return silent === true ? [loud] : []
    }
    case "slow":
      return lower(fault.task, leastTime).map((task) => ({ ...fault, task }))
    default:
      return []
  }
}

const simplerItems = (item: Item): Items => {
  if (item.side === "faults") return simplerFaults(item.fault).map((fault) => ({ ...item, fault }))
  return limits.has(kindOf(item.stream)) ? [] : lower(item.value, 1).map((value) => ({ ...item, value }))
}

/** Which items are left out together, from the largest groups to single ones. `undefined` belongs to none. */
const passes: ReadonlyArray<(item: Item) => string | undefined> = [
  (item) => item.side,
  (item) => (item.side === "draws" ? kindOf(item.stream) : undefined),
  (item) => (item.side === "faults" ? item.fault.kind : undefined),
  (item) => (item.side === "draws" ? item.stream : undefined),
  (item) => (item.side === "faults" ? item.id : undefined),
  (item) => (item.side === "draws" ? item.id : undefined),
]

/**
 * Makes a failure small. `start` is known to fail. It tries to leave out everything at once, whole kinds, whole streams, then
 * parts of what is left by halves down to single faults and draws; then it makes what is left milder. It begins again
 * until nothing changes any more, and never runs the same twice.
 */
export const shrink = <E = never, R = never>(start: Attempt, options: Options<E, R>): Effect.Effect<Shrunk, E, R> =>
  Effect.gen(function* () {
    const { maxRuns = defaultMaxRuns, test } = options
    const within = Duration.toMillis(Duration.fromInputUnsafe(options.within ?? defaultWithin))
    const began = yield* Clock.monotonicTimeNanos
    const ends = endsOf(start.deviations)
    // Neither the start nor what was executed: every candidate is simpler than both.
    const seen = new Set<string>()
    let items = itemsOf(start, ends)
    let runs = 0
    let over = false

    /** Goes on with the candidate if the same check fails. */
    const accept = (candidate: Items): Effect.Effect<boolean, E, R> =>
      Effect.gen(function* () {
        const given = attemptOf(candidate)
        const key = keyOf(given)
        if (seen.has(key)) return false
        const now = yield* Clock.monotonicTimeNanos
        over = over || runs >= maxRuns || Number(now - began) / 1_000_000 >= within
        if (over) return false
        seen.add(key)
        runs++
        // A run is synchronous: others get their turn, and interruption a chance, in between.
        yield* Effect.yieldNow
        const executed = yield* test(given)
        if (executed === undefined) return false
        const next = itemsOf(executed, ends)
        // It went another way and met more than there was: nothing is won.
        if (!isSimpler(next, items)) return false
        items = next
        return true
      })

    /** Leaves out groups: all, each half, each quarter, down to each alone. */
    const leaveOut = (groupOf: (item: Item) => string | undefined): Effect.Effect<void, E, R> =>
      Effect.gen(function* () {
        const groups = (): ReadonlyArray<string> => [...new Set(items.flatMap((item) => groupOf(item) ?? []))]
        let left = groups()
        for (let size = left.length; size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
          for (let i = 0; i < left.length && !over;) {
            const chunk = new Set(left.slice(i, i + size))
            const without = items.filter((item) => {
              const group = groupOf(item)
              return group === undefined || !chunk.has(group)
            })
            if (yield* accept(without)) left = groups()
            else i += size
          }
        }
      })

    /** Makes each item milder, as long as that goes. */
    const simplify: Effect.Effect<void, E, R> = Effect.gen(function* () {
      for (let i = 0; i < items.length && !over; i++) {
        for (let again = true; again && !over;) {
          again = false
          const item = items[i]
          for (const simpler of item === undefined ? [] : simplerItems(item)) {
            again = yield* accept(items.with(i, simpler))
            if (again) break
          }
        }
      }
    })

    for (let before: Items = []; before !== items && !over;) {
      before = items
      for (const groupOf of passes) yield* leaveOut(groupOf)
      yield* simplify
    }

    const attempt = attemptOf(items)
    return { attempt, from: sizeOf(itemsOf(start, ends)), runs, minimal: !over, sentences: sentences(attempt) }
  })

/** More draws than anybody reads are only counted. */
const maxDrawSentences = 40

/** What happens, for people: the faults in the order of time, then the draws by stream and place. */
export const sentences = ({ deviations, timeline }: Attempt): ReadonlyArray<string> => {
  const draws = streamsOf(deviations).flatMap(([stream, entries]) =>
    entries.map(([index, value]) => ({ stream, index, value })),
  )
  const rest = draws.slice(maxDrawSentences)
  const kinds = [...Map.groupBy(rest, ({ stream }) => kindOf(stream))].map(([kind, { length }]) => `${length} ${kind}`)
  return [
    ...timeline.toSorted((a, b) => a.at - b.at).map(sentence),
    ...draws.slice(0, maxDrawSentences).map(({ index, stream, value }) => drawSentence(stream, index, value)),
    ...(rest.length === 0 ? [] : [`and ${rest.length} more decisions that are not benign: ${kinds.join(", ")}`]),
  ]
}
