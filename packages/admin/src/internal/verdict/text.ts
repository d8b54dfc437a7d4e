/** Texts of a verdict. */
import { printable } from "../printable.ts"

/** Number of texts that a list names before it counts the rest. */
const maxListed = 5

/** Joins texts such as `a, b and 3 more`. */
export const list = (texts: ReadonlyArray<string>, most: number = maxListed): string => {
  const shown = texts.slice(0, most)
  const rest = texts.length - shown.length
  const all = rest > 0 ? [...shown, `${rest} more`] : shown
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1) ?? ""}`
}

/** Joins names. */
export const listNames = (names: ReadonlyArray<string>, most?: number): string => list(names.map(printable), most)

/** Returns a duration in its largest unit, such as `3 minutes`. */
export const ago = (millis: number): string => {
  if (!Number.isFinite(millis)) return "an unknown time"
  const units = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
    [1_000, "second"],
  ] as const
  for (const [length, unit] of units) {
    const count = Math.floor(millis / length)
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"}`
  }
  return `${Math.max(0, Math.round(millis))} ms`
}
