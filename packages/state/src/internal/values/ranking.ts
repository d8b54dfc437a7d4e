/** Ranking of the nodes for a value. */
const scoreOf = (key: string, node: string): number => {
  let hash = 0x811c_9dc5
  for (const char of `${node}:${key}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193)
  return Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b) >>> 0
}
/** Returns `true` if the first of two nodes comes before the second one. */
export const outranks = (key: string, a: string, b: string): boolean => {
  const [x, y] = [scoreOf(key, a), scoreOf(key, b)]
  return x > y || (x === y && a < b)
}
