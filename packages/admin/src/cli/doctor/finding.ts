/** Findings of `coterie doctor`: a check, its level, one sentence, and what to do. */
import type { Finding } from "../../CommandOutput.ts"

export type { Finding } from "../../CommandOutput.ts"

/** Number of findings of one check and level before the rest is counted. */
const maxFindings = 20

type Make = (message: string, advice?: string) => Omit<Finding, "check">

const make =
  (level: Finding["level"]): Make =>
  (message, advice) => ({ level, message, ...(advice === undefined ? {} : { advice }) })

export const ok = make("ok")
export const warn = make("warn")
export const fail = make("fail")
export const skipped = make("skipped")

/** Findings of one check. Without any, the check has the finding `fine`. */
export const check = (
  name: string,
  fine: string,
  found: ReadonlyArray<Omit<Finding, "check">>,
): ReadonlyArray<Finding> => {
  if (found.length === 0) return [{ check: name, ...ok(fine) }]
  return (["fail", "warn", "skipped", "ok"] as const).flatMap((level) => {
    const all = found.filter((each) => each.level === level).map((each) => ({ check: name, ...each }))
    const rest = all.length - maxFindings
    return rest <= 0
      ? all
      : [...all.slice(0, maxFindings), { check: name, level, message: `${rest} more findings like these` }]
  })
}

/** Returns the worst level of the findings. Skipped checks do not count. */
export const worst = (findings: ReadonlyArray<Finding>): "ok" | "warn" | "fail" => {
  const has = (wanted: Finding["level"]) => findings.some(({ level }) => level === wanted)
  return has("fail") ? "fail" : has("warn") ? "warn" : "ok"
}
