/** Rows of the components of this package, for those who look at the node. */
import type { Facts, Rows } from "@coterie/core/NodeComponents"
import * as Iterable from "effect/Iterable"

/** Returns one row for each entry of a map. Each row is made when it is read. */
export const rowsOf = <K, V>(map: ReadonlyMap<K, V>, row: (key: K, value: V) => Facts): Rows => ({
  length: map.size,
  [Symbol.iterator]: () => Iterable.map(map, ([key, value]) => row(key, value))[Symbol.iterator](),
})
