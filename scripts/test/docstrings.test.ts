import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "../..")

/** Modules that are published: those directly in `src`. `index.ts` and `version.ts` have nothing of their own to describe. */
const modules = fs
  .globSync("packages/*/src/*.ts", { cwd: root })
  .filter((file) => !["index.ts", "version.ts"].includes(path.basename(file)))
  .toSorted()

const declaration = /^export (?:abstract )?(?:const|class|interface|type|function\*?) (\w+)/

/** Returns the docstring that ends right above a line, or an empty text. */
const docstringAbove = (lines: ReadonlyArray<string>, index: number): string => {
  if (lines[index - 1]?.endsWith("*/") !== true) return ""
  const start = lines.slice(0, index).findLastIndex((line) => line.startsWith("/**"))
  return lines.slice(start, index).join("\n")
}

const lacksTags = (docstring: string): boolean => !/@category [a-z]/.test(docstring) || !docstring.includes("@since ")

/** Returns the exports of a module without a docstring, a category or a version. Overloads share the docstring of the first. */
const undescribed = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  const found: Array<string> = []
  let previous = ""
  for (const [index, line] of lines.entries()) {
    const [, name = ""] = declaration.exec(line) ?? []
    if (name === "") continue
    const isOverload = line.startsWith("export function") && name === previous
    if (!isOverload && lacksTags(docstringAbove(lines, index))) found.push(name)
    previous = name
  }
  return found
}

describe("docstrings", () => {
  it.each(modules)("%s says of each export what it is, its category, and since when it is there", (file) => {
    const text = fs.readFileSync(path.join(root, file), "utf8")
    assert.match(text, /^\/\*\*(?:(?!\*\/)[^])*@since /, "the docstring of the module lacks @since")
    assert.deepStrictEqual(undescribed(text), [])
  })

  it("are missed where they are missing or lack a tag", () => {
    const text = `/**
 * Described.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described {}

/** No tags. */
export const untagged = 1
export type Bare = string
`
    assert.deepStrictEqual(undescribed(text), ["untagged", "Bare"])
  })
})
