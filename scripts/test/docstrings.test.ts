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

/** Sources whose docstrings are checked. This file has examples of wrong docstrings. */
const sources = fs
  .globSync(["packages/*/src/**/*.ts", "{examples,benchmarks,scripts,site}/**/*.{ts,tsx,mts,mjs,js}"], {
    cwd: root,
    exclude: (file) => ["node_modules", "dist"].includes(path.basename(file)),
  })
  .filter((file) => file !== path.relative(root, import.meta.filename))
  .toSorted()

/** First words that make a clause instead of a statement with a verb, or a noun. */
const clause = /\/\*\*(?:\s|\*(?!\/))*((?:What|Whether|Who|Whom|Whose|That|The same|Of|As|How|Where|When)\b[^\n]*)/g

/** Returns the docstrings of a text that begin with a clause, each with the number of its first line of text. */
const clauses = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(clause)].map(({ 0: whole, 1: words = "", index }) => {
    const line = text.slice(0, index + whole.length - words.length).split("\n").length
    return `${line}: ${words.replace(/\s*\*\/.*$/, "")}`
  })

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

  it("begin with a verb or a noun", () => {
    const found = sources.flatMap((file) =>
      clauses(fs.readFileSync(path.join(root, file), "utf8")).map((each) => `${file}:${each}`),
    )
    assert.deepStrictEqual(found, [])
    assert.isAbove(sources.length, 300, "the pattern of the files finds the sources")
  })

  it("that begin with a clause are found with their lines", () => {
    const text = [
      "/** Whether it is open. */",
      "/**",
      " * The same as above.",
      " */",
      "const glob = 'src/**'",
      "  /** How long it takes */ readonly time: number",
      "/** Howitzer, Asset, and The samples are nouns. What follows does not begin. */",
      "/* What a plain comment says. */",
    ]
    assert.deepStrictEqual(clauses(text.join("\n")), [
      "1: Whether it is open.",
      "3: The same as above.",
      "6: How long it takes",
    ])
  })
})
