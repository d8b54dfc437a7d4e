import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { anchorOf, headingsOf } from "../lib/markdown.ts"

const root = path.join(import.meta.dirname, "../..")

const pages = fs
  .globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "examples/**/*.md", "benchmarks/*.md"], {
    cwd: root,
    exclude: (name) => path.basename(name) === "node_modules",
  })
  .toSorted()

/** Returns the target of each link of a page that leads to a file of the repository. Code is not looked at. */
const targetsOf = (page: string): ReadonlyArray<string> => {
  const text = fs.readFileSync(path.join(root, page), "utf8").replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "")
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

const anchorsOf = (file: string): ReadonlySet<string> =>
  new Set(headingsOf(fs.readFileSync(file, "utf8")).map(anchorOf))

const problemOf = (page: string, target: string): string | undefined => {
  const [name = "", anchor] = target.split("#")
  const file = name === "" ? path.join(root, page) : path.join(root, path.dirname(page), name)
  if (!fs.existsSync(file)) return `${target}: no such file`
  return anchor === undefined || anchorsOf(file).has(anchor) ? undefined : `${target}: no such heading`
}

describe("links of the docs", () => {
  it.each(pages)("%s leads only to files and headings that exist", (page) => {
    const problems = targetsOf(page).map((target) => problemOf(page, target))
    assert.deepStrictEqual(
      problems.filter((problem) => problem !== undefined),
      [],
    )
  })
})
