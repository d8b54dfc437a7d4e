/** Draws partitions of the shapes that a swarm allows. */
import type { Fault, Rates } from "../FaultPlan.ts"
import type { Prng } from "../kernel/Prng.ts"
import { below, pick, shuffle } from "./chance.ts"

export type Shape = NonNullable<Rates["partition"]>["shapes"][number]

/** Groups of nodes, and the pairs of groups that are cut off from each other. */
interface Split {
  readonly groups: ReadonlyArray<ReadonlyArray<string>>
  readonly cuts: ReadonlyArray<readonly [number, number]>
}

/** Minimum number of nodes of each shape. */
const minimumNodes: Readonly<Record<Shape, number>> = { size: 2, halves: 2, isolate: 2, bridge: 3, ring: 4 }

/**
 * Maximum number of places in a ring. With more nodes, several share a place. A ring would otherwise need one fault per
 * node.
 */
const maxPlaces = 6

const twoGroups = (names: ReadonlyArray<string>, size: number): Split => ({
  groups: [names.slice(0, size), names.slice(size)],
  cuts: [[0, 1]],
})

const ring = (names: ReadonlyArray<string>): Split => {
  const places = Math.min(names.length, maxPlaces)
  const groups = Array.from({ length: places }, (_, place) => names.filter((_name, i) => i % places === place))
  const cuts = groups.flatMap((_, a) =>
    groups.flatMap((_group, b) => (b - a >= 2 && b - a <= places - 2 ? [[a, b] as const] : [])),
  )
  return { groups, cuts }
}

const splitOf = (shape: Shape, names: ReadonlyArray<string>, random: Prng): Split => {
  const half = Math.floor(names.length / 2)
  switch (shape) {
    case "size":
      return twoGroups(names, 1 + below(names.length - 1, random))
    case "halves":
      return twoGroups(names, half)
    case "isolate":
      return twoGroups(names, 1)
    case "bridge": {
      const [bridge = "", ...others] = names
      const { cuts, groups } = twoGroups(others, Math.floor(others.length / 2))
      return { groups: [...groups, [bridge]], cuts }
    }
    case "ring":
      return ring(names)
  }
}

/** Two groups of nodes that a partition keeps apart. */
interface Cut {
  readonly from: ReadonlyArray<string>
  readonly to: ReadonlyArray<string>
}

/**
 * Draws a shape that the number of present nodes allows, and the groups that it cuts off from each other. Each absent
 * node joins a random group. Returns an empty list if no shape is possible.
 */
export const drawCuts = (
  shapes: ReadonlyArray<Shape>,
  present: ReadonlyArray<string>,
  absent: ReadonlyArray<string>,
  random: Prng,
): ReadonlyArray<Cut> => {
  const shape = pick(
    shapes.filter((shape) => present.length >= minimumNodes[shape]),
    random,
  )
  if (shape === undefined) return []
  const split = splitOf(shape, shuffle(present, random), random)
  const groups = split.groups.map((group) => [...group])
  for (const name of absent) pick(groups, random)?.push(name)
  return groups.flatMap((from, a) => {
    const to = split.cuts.flatMap(([first, second]) => (first === a ? (groups[second] ?? []) : []))
    return to.length === 0 ? [] : [{ from: from.toSorted(), to: to.toSorted() }]
  })
}

/** Makes the faults of these cuts, one partition for each cut. */
export const partitionFaults = (
  cuts: ReadonlyArray<Cut>,
  options: { readonly at: number; readonly for: number; readonly oneWay: boolean },
): ReadonlyArray<Fault> =>
  cuts.map(({ from, to }) => ({
    kind: "partition",
    at: options.at,
    for: options.for,
    from,
    to,
    ...(options.oneWay ? { oneWay: true } : {}),
  }))
