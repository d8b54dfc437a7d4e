/** Bounds of the shared values of a node. */
import * as Context from "effect/Context"
import type { Bounds as MapBounds } from "../options.ts"
import type { Limits as Bounds } from "./Service.ts"

export const defaults: Bounds = {
  // Flags, settings and leaders of a program. Each node keeps all values of the cluster.
  values: 1_024,
  // A larger value belongs into a store. Up to three nodes send it to all others.
  entryBytes: 16 * 1024,
}

/** The bounds in use, which the first value that a node opens reads. */
export const Limits = Context.Reference<Bounds>("@coterie/state/SharedValue/Limits", {
  defaultValue: () => defaults,
})

/** Bytes of a write beside its value: two stamps with names of 128 bytes, as JSON, and the name of the value. */
const writeOverhead = 1_024

/** Bounds of the values of a node. A message of the node has room for a value of `entryBytes`. */
export interface NodeBounds extends Bounds {
  /** Option that decides `entryBytes`. */
  readonly entryBound: MapBounds["entryBound"]
}

/** Returns the bounds of the values of a node. `map` has the bounds of the map that has the values. */
export const boundsWithin = (bounds: Bounds, map: Pick<MapBounds, "entryBound" | "entryBytes">): NodeBounds => {
  const most = Math.floor((map.entryBytes - writeOverhead) / 4) * 3
  return { ...bounds, entryBytes: Math.min(bounds.entryBytes, most), entryBound: map.entryBound }
}

/** Returns the limits of the map of the values. An entry has the bytes of a value as Base64. */
export const mapLimits = ({ entryBytes, values }: Bounds) => {
  const bytes = Math.ceil(entryBytes / 3) * 4 + writeOverhead
  return { ownerEntries: values, entryBytes: bytes, ownerBytes: values * bytes }
}
