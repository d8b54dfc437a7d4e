/** Keys and values of the map that has the joins of all groups. */
import * as Schema from "effect/Schema"
import type { MapRole } from "../MapRole.ts"
import type { Options } from "../Service.ts"

/** Name of the map. All groups of a node share it, so that a thousand groups cost one lane. */
export const mapName = "coterie.groups"

/**
 * Greatest weight. With integer weights, the sum of 100,000 joins, the default bound of a node, is then an exact number.
 */
export const maxWeight = 1_000_000

/** A join of a group as the map has it. */
export interface Join {
  readonly weight: number
  /** Value of the join, encoded with the schema of its group. */
  readonly value: Uint8Array
}

/** Number of the join, a colon, and the name of the group. */
const Key = Schema.String.check(Schema.isPattern(/^(0|[1-9][0-9]{0,14}):/))

/** Weight of a join. */
export const Weight = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: maxWeight, exclusiveMinimum: true }))

/**
 * Maximum number of joins of one node, in all groups. After each change of a group, a node orders its members. For a
 * group of this size that takes some milliseconds, which one peer can cause with each batch.
 */
const maxJoins = 10_000

export const options: Options<string, Join> = {
  limits: { ownerEntries: maxJoins },
  key: Key,
  value: Schema.Struct({ weight: Weight, value: Schema.Uint8Array }),
}

/** Returns the key of a join. */
export const keyOf = (group: string, ref: number): string => `${ref}:${group}`

/** Role of the map. The errors of a join have the group as their subject. */
export const role: MapRole = {
  subject: { kind: "map", name: mapName },
  text: "the groups",
  keyOf: (key) => parseKey(key).group,
}

/** Returns the group and the number of a join. */
export const parseKey = (key: string): { readonly group: string; readonly ref: number } => {
  const at = key.indexOf(":")
  return { group: key.slice(at + 1), ref: Number(key.slice(0, at)) }
}
