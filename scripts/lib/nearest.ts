/** Search for the text that is most similar to another, for hints in messages. */

/** Returns the pairs of neighbouring characters of a text. */
const pairsOf = (text: string): ReadonlySet<string> => {
  const lower = text.toLowerCase()
  return new Set(Array.from({ length: Math.max(0, lower.length - 1) }, (_, i) => lower.slice(i, i + 2)))
}

/** Returns the share of pairs that two texts have in common, from 0 to 1. */
const similarity = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  let shared = 0
  for (const pair of a) if (b.has(pair)) shared += 1
  return shared === 0 ? 0 : (2 * shared) / (a.size + b.size)
}

/** Returns the candidate that is most similar to a text, or `undefined` if none is similar at all. */
export const nearest = (text: string, candidates: Iterable<string>): string | undefined => {
  const pairs = pairsOf(text)
  let best: string | undefined
  let most = 0
  for (const candidate of candidates) {
    const found = similarity(pairs, pairsOf(candidate))
    if (found > most) {
      best = candidate
      most = found
    }
  }
  return best
}
