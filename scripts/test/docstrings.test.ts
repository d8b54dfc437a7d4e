import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "../..")

/** Published modules, which are directly in `src`. `index.ts` and `version.ts` need no descriptions. */
const modules = fs
  .globSync("packages/*/src/*.ts", { cwd: root })
  .filter((file) => !["index.ts", "version.ts"].includes(path.basename(file)))
  .toSorted()

const declaration = /^export (?:abstract )?(?:const|class|interface|type|function\*?) (\w+)/

/** Returns the docstring directly above a line, or an empty text. */
const docstringAbove = (lines: ReadonlyArray<string>, index: number): string => {
  if (lines[index - 1]?.endsWith("*/") !== true) return ""
  const start = lines.slice(0, index).findLastIndex((line) => line.startsWith("/**"))
  return lines.slice(start, index).join("\n")
}

const lacksTags = (docstring: string): boolean => !/@category [a-z]/.test(docstring) || !docstring.includes("@since ")

/**
 * Returns the exports of a text without a docstring, a category or a version. Overloads share the docstring of the
 * first.
 */
const undescribed = (text: string, isWanted = (_name: string): boolean => true): ReadonlyArray<string> => {
  const lines = text.split("\n")
  const found: Array<string> = []
  let previous = ""
  for (const [index, line] of lines.entries()) {
    const [, name = ""] = declaration.exec(line) ?? []
    if (name === "" || !isWanted(name)) continue
    const isOverload = line.startsWith("export function") && name === previous
    if (!isOverload && lacksTags(docstringAbove(lines, index))) found.push(name)
    previous = name
  }
  return found
}

const namesOf = (list: string): ReadonlySet<string> =>
  new Set(
    list.split(",").map((name) =>
      name
        .trim()
        .replace(/^type /, "")
        .replace(/ as .*/, ""),
    ),
  )

/** Returns the modules below `src` from which a text exports, with the exported names, or `undefined` for all names. */
const reexports = (text: string): ReadonlyArray<readonly [module: string, names: ReadonlySet<string> | undefined]> => {
  const direct = [...text.matchAll(/^export (?:type )?(?:\*|\{([^}]*)\}) from "(\.[^"]+)"/gm)].map(
    ([, list, module = ""]) => [module, list === undefined ? undefined : namesOf(list)] as const,
  )
  const exported = new Set(
    [...text.matchAll(/^export type \{([^}]*)\}$/gm)].flatMap(([, list = ""]) => [...namesOf(list)]),
  )
  const imported = [...text.matchAll(/^import (?:type )?\{([^}]*)\} from "(\.[^"]+)"/gm)].map(
    ([, list = "", module = ""]) => [module, new Set([...namesOf(list)].filter((name) => exported.has(name)))] as const,
  )
  return [...direct, ...imported].filter(([, names]) => names === undefined || names.size > 0)
}

/** Returns the undescribed exports of a file, including exports from other files. */
const undescribedOf = (file: string, names?: ReadonlySet<string>): ReadonlyArray<string> => {
  const text = fs.readFileSync(file, "utf8")
  return [
    ...undescribed(text, (name) => names === undefined || names.has(name)),
    ...reexports(text).flatMap(([module, names]) => undescribedOf(path.join(path.dirname(file), module), names)),
  ]
}

describe("docstrings", () => {
  it.each(modules)("%s describes each export with its category and its first version", (file) => {
    const text = fs.readFileSync(path.join(root, file), "utf8")
    assert.match(text, /^\/\*\*(?:(?!\*\/)[^])*@since /, "the docstring of the module lacks @since")
    assert.deepStrictEqual(undescribedOf(path.join(root, file)), [])
  })

  it("are reported if they are missing or lack a tag", () => {
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
    assert.deepStrictEqual(
      undescribed(text, (name) => name === "Bare"),
      ["Bare"],
    )
  })

  it("are required for exports from another module", () => {
    const text = `import { type A, B } from "./a.ts"
export type { A }
export type { C, D as E } from "./c.ts"
export * from "./f.ts"
`
    assert.deepStrictEqual(reexports(text), [
      ["./c.ts", new Set(["C", "D"])],
      ["./f.ts", undefined],
      ["./a.ts", new Set(["A"])],
    ])
  })
})
