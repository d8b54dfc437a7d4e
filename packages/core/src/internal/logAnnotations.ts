/**
 * Annotations of the log lines of a node. Loggers get them as values. The default logger of Effect prints them with
 * `console.log`, which Node shows as `key=value` on the line of the message instead of as an object over several lines.
 */
import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as References from "effect/References"

/** Adds annotations to each log line of the effect and of the fibers that it forks. */
export const annotateCompactly = (annotations: Readonly<Record<string, unknown>>) =>
  Effect.updateService(References.CurrentLogAnnotations, (before) => ({
    ...before,
    ...annotations,
    // The copies that `Effect.annotateLogs` makes keep this symbol. Loggers that iterate over the keys do not see it.
    [NodeInspectSymbol]: format,
  }))

/** Returns the annotations on one line. */
function format(this: Readonly<Record<string, unknown>>): string {
  return Object.entries(this)
    .map(([key, value]) => `${key}=${formatValue(value)}`)
    .join(" ")
}

/** Pattern of a text that needs no quotes. */
const plainText = /^[^\s"=\p{Cc}]+$/u

const formatValue = (value: unknown): string => {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value)
  if (typeof value === "string" && plainText.test(value)) return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
