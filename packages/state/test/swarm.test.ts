import { Seeds } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { execFileSync } from "node:child_process"
import { fewSeeds } from "./simulation.ts"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // An unpacked archive has no commit.
    return "no commit"
  }
}

it.sim(fewSeeds, { seeds: 4, base: Seeds.base(commit()), timeout: 300_000 })
