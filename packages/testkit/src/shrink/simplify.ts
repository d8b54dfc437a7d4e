/** Simpler variants of single faults and draws, and an order of attempts by simplicity. */
import type { Fault } from "../FaultPlan.ts"
import { type Item, type Items, kindOf } from "./items.ts"

/** Kinds of draws that are limits. 0 means no limit, and otherwise a smaller value is worse, so it is not simpler. */
const limits = new Set(["bandwidth", "queue", "sendBuffer"])

/** Returns the weight of an item. Every simplification reduces it. */
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

export const isSimpler = (a: Items, b: Items): boolean => {
  if (a.length !== b.length) return a.length < b.length
  const weight = (items: Items): number => items.reduce((sum, item) => sum + weightOf(item), 0)
  return weight(a) < weight(b)
}

/** Rounds down to two significant digits, because 13.482731 s is hard to read. */
const readable = (quantity: number): number => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(quantity)) - 1)
  return Math.floor(quantity / unit) * unit
}

/** Returns smaller quantities, the smallest first: the minimum, a half, and the quantity rounded down. */
const lower = (quantity: number, least: number): ReadonlyArray<number> => {
  const size = Math.abs(quantity)
  const candidates = size > least ? [least, readable(size / 2), readable(size)] : []
  return candidates
    .filter((candidate, i) => candidate >= least && candidate < size && candidates.indexOf(candidate) === i)
    .map((candidate) => candidate * Math.sign(quantity))
}

/** Minimum of simplified times, in microseconds. Times below a millisecond are not easier to understand. */
const leastTime = 1000

/** Returns shorter lists that are not empty: each half, and each list with one item left out. */
const fewer = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (list.length < 2) return []
  const half = Math.ceil(list.length / 2)
  const halves = [list.slice(0, half), list.slice(half)]
  return list.length === 2 ? halves : [...halves, ...list.map((_, i) => list.toSpliced(i, 1))]
}

/** Makes a swizzle with these nodes, which ends when its last node is reconnected. */
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

/** Returns the further ways to simplify a fault that lasts. */
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

export const simplerItems = (item: Item): Items => {
  if (item.side === "faults") return simplerFaults(item.fault).map((fault) => ({ ...item, fault }))
  return limits.has(kindOf(item.stream)) ? [] : lower(item.value, 1).map((value) => ({ ...item, value }))
}
