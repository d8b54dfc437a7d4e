/** Sessions of a page of the docs: the commands of its blocks, and what the page shows of their output. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "./DeployFiles.ts"

export interface Call {
  readonly command: string
  /** Lines that the page shows. `...` stands for any lines, or for any rest of a line. */
  readonly output: ReadonlyArray<string>
}

/** Returns the text of a section of a page, with the sections below it. */
const section = (page: string, title: string): string => {
  const [, after = ""] = Fs.readFileSync(Path.join(root, page), "utf8").split(`\n## ${title}\n`)
  return after.split("\n## ")[0] ?? ""
}

const blocks = (text: string, language: string): ReadonlyArray<string> =>
  [...text.matchAll(/```(\w+)\n([^]*?)```/g)].flatMap(([, found, block = ""]) => (found === language ? [block] : []))

/** Returns the calls in the sessions (`console`) of a section. */
export const calls = (page: string, title: string): ReadonlyArray<Call> =>
  blocks(section(page, title), "console").flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((call) => {
        const [command = "", ...output] = call.trimEnd().split("\n")
        return { command, output }
      }),
  )

/** Returns the scripts (`sh`) of a section. */
export const scripts = (page: string, title: string): ReadonlyArray<string> => blocks(section(page, title), "sh")

/**
 * Returns the lines of the page that a real output does not have, in the order of the page. Times, counts,
 * the member that reaches a peer, and the widths of columns may differ.
 */
export const missingLines = (shown: ReadonlyArray<string>, real: string): ReadonlyArray<string> => {
  let rest = real.split("\n")
  return shown.filter((line) => {
    if (line === "...") return false
    const pattern = new RegExp(`^${patternOf(line)}$`)
    const at = rest.findIndex((each) => pattern.test(each.trimEnd()))
    if (at >= 0) rest = rest.slice(at + 1)
    return at < 0
  })
}

const patternOf = (line: string): string =>
  line
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("\\.\\.\\.", ".*")
    .replace(/\d+(\\\.\d+)? (ms|s|seconds?|minutes?)\b/g, "\\d+(\\.\\d+)? (ms|s|seconds?|minutes?)")
    .replace(/\d+ attempts?/g, "\\d+ attempts?")
    .replace(/shop-\d reaches it/g, "shop-\\d reaches it")
    .replace(/generation \d+/g, "generation \\d+")
    .replace(/ {2,}/g, " +")
