/** Names that a person may have meant. */
import { compareNames } from "@coterie/core/Peer"

/** Number of suggestions. */
const maxNames = 3

/**
 * Length of the names that are compared, in characters. It bounds the cost, which grows with the square of it; longer names
 * are compared by their beginning.
 */
const maxLength = 64

/** Returns up to three names, nearest first. Names that differ in more than half of their characters are not near. */
export const nearNames = (name: string, known: Iterable<string>): ReadonlyArray<string> => {
  const wanted = shorten(name)
  const found: Array<{ readonly name: string; readonly distance: number }> = []
  for (const each of known) {
    const other = shorten(each)
    const distance = editDistance(wanted, other)
    if (distance <= Math.max(wanted.length, other.length) / 2) found.push({ name: each, distance })
  }
  found.sort((a, b) => a.distance - b.distance || compareNames(a.name, b.name))
  return found.slice(0, maxNames).map(({ name }) => name)
}

const shorten = (name: string): ReadonlyArray<string> => [...name.toLowerCase()].slice(0, maxLength)

/** Returns the number of insertions, deletions and replacements that turn one text into the other (Levenshtein). */
const editDistance = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, left] of a.entries()) {
    const row = [i + 1]
    for (const [j, right] of b.entries()) {
      const replaced = (before[j] ?? 0) + (left === right ? 0 : 1)
      row.push(Math.min(replaced, (before[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1))
    }
    before = row
  }
  return before[b.length] ?? 0
}
