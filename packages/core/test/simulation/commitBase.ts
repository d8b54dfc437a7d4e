/** First seed of a commit, so that every commit runs other seeds. */
import { Seeds } from "@coterie/testkit"
import { execFileSync } from "node:child_process"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // An unpacked archive has no commit.
    return "no commit"
  }
}

export const commitBase = Seeds.base(commit())
