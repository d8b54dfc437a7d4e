/**
 * Writes the log lines of the events and the other log lines of all packages into docs/operations.md, as the code writes them. With `--check` writes nothing and fails if
 * the page is not up to date. Fails if an event has no line, and if the text of a line cannot be found in the source that writes it.
 *
 *     pnpm docs:log-lines
 *     pnpm check:log-lines
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Problem } from "./lib/source.ts"
import { checkExamples, checkPage, outputPage, update } from "./log-lines/page.ts"
import { readPackages } from "./log-lines/sources.ts"

const file = path.join(import.meta.dirname, "..", "docs", outputPage)

/** Writes the page, or checks it. Returns the problems; nothing is written if there are any. */
const run = (check: boolean): ReadonlyArray<Problem> => {
  const page = fs.readFileSync(file, "utf8")
  const problems = [...checkExamples(), ...readPackages().problems]
  if (problems.length > 0 || check) return [...problems, ...checkPage(page)]
  const updated = update(page)
  if (updated === undefined) return checkPage(page)
  fs.writeFileSync(file, updated)
  return []
}

if (import.meta.main) {
  const problems = run(process.argv.includes("--check"))
  for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`)
  if (problems.length > 0) process.exitCode = 1
  console.log(`log lines: ${problems.length} problems`)
}
