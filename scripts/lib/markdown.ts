/** Reads headings of Markdown pages and compares sentences. */

/** Returns the text without fenced blocks of code. */
export const withoutCodeBlocks = (text: string): string => text.replaceAll(/^```[^]*?^```$/gm, "")

/** Returns the headings of a page, in order. */
export const headingsOf = (text: string): ReadonlyArray<string> =>
  [...withoutCodeBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading)

/** Returns the anchor of a heading: lower case, without punctuation, with dashes for spaces. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu))

/** Returns the share of words that two sentences have in common, from 0 to 1. */
const similarity = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  let shared = 0
  for (const word of a) if (b.has(word)) shared += 1
  return shared === 0 ? 0 : (2 * shared) / (a.size + b.size)
}

/** Returns the candidate that shares most words with a sentence, or `undefined` if none shares any. */
export const nearest = (sentence: string, candidates: Iterable<string>): string | undefined => {
  const words = wordsOf(sentence)
  let best: string | undefined
  let most = 0
  for (const candidate of candidates) {
    const found = similarity(words, wordsOf(candidate))
    if (found > most) {
      best = candidate
      most = found
    }
  }
  return best
}
