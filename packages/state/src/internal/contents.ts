/** Rows with contents of the application, for components whose application allows that (`showContents`). */
import type { Facts, Rows } from "@coterie/core/NodeComponents"
import * as Iterable from "effect/Iterable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Entry } from "./Service.ts"

/** Maximum number of rows of one component, because each row encodes a whole value. */
export const maxRows = 1_000

/** Maximum length of a key and of a value in a row. */
export const maxLength = 256

/** Shortens a text to the length that a row has room for. */
export const clip = (text: string): string =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 3).toWellFormed()}...`

/** Returns a function that shows values of a schema as clipped JSON. It never throws. */
export const jsonOf = <A>(schema: Schema.Codec<A, unknown>): ((value: A) => string) => {
  const encode = Schema.encodeResult(Schema.fromJsonString(Schema.toCodecJson(schema)))
  return (value) => clip(Result.getOrElse(encode(value), () => "(does not encode to JSON)"))
}

/** Returns the first rows of `length` rows. Each row is made when it is read. */
export const contentRows = <A>(length: number, items: Iterable<A>, row: (item: A) => Facts): Rows => ({
  length,
  [Symbol.iterator]: () => Iterable.map(Iterable.take(items, maxRows), row)[Symbol.iterator](),
})

/** A map whose entries can be shown. */
export interface Contents<K, V> {
  /** Number of entries of all owners. */
  readonly size: () => number
  /** Entries of all owners that this node can decode, its own first. */
  readonly entries: Iterable<Entry<K, V>>
}

/** Returns a function that makes one row for each entry of a map. */
export const entryRows = <K, V>(
  { entries, size }: Contents<K, V>,
  schema: Schema.Codec<V, unknown>,
  keyOf: (encodedKey: string) => string,
): (() => Rows) => {
  const json = jsonOf(schema)
  return () =>
    contentRows(size(), entries, ({ encodedKey, owner, value }) => ({
      owner: owner.name,
      key: clip(keyOf(encodedKey)),
      value: json(value),
    }))
}
