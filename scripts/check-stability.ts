/**
 * Checks that `@coterie/core` uses only the stable exports of Effect, which have `@stability stable` in Effect's
 * docstrings. Unstable exports may change in any minor version and belong into an adapter package.
 *
 *     node scripts/check-stability.ts
 */
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import {
  everything,
  listSources,
  nameOf,
  type Node,
  nodes,
  parse,
  type Problem,
  readImports,
  report,
} from "./lib/source.ts"

/** Levels from the weakest to the strongest promise. `untagged` is an export without a tag. */
const levels = ["untagged", "experimental", "unstable", "stable"] as const
export type Level = (typeof levels)[number]

const levelOf = (comment: string): Level | undefined => {
  const tag = /@stability (\w+)/.exec(comment)?.[1]
  return levels.find((level) => level === tag)
}

/** Returns the level of each export of a module. An export with several declarations has their weakest level. */
export const readLevels = (file: string, text: string): ReadonlyMap<string, Level> => {
  const { program, comments } = parse(file, text)
  const found = new Map<string, Level>()
  const docs = comments.filter(({ value }) => value.startsWith("*"))
  const between = (start: number, end: number) =>
    text
      .slice(start, end)
      .replace(/\/\/.*/g, "")
      .trim()
  const add = (name: string | undefined, node: Node) => {
    if (name === undefined) return
    const doc = docs.findLast(({ end }) => end <= node.start)
    const level = doc && between(doc.end, node.start) === "" ? levelOf(doc.value) : undefined
    const known = found.get(name)
    if (level === undefined) {
      // A second declaration of a name may rely on the docstring of the first.
      if (known === undefined) found.set(name, "untagged")
    } else if (known === undefined || known === "untagged" || levels.indexOf(level) < levels.indexOf(known)) {
      found.set(name, level)
    }
  }
  for (const statement of nodes(program["body"])) {
    if (statement.type !== "ExportNamedDeclaration") continue
    for (const declaration of nodes(statement["declaration"])) {
      add(nameOf(declaration["id"]), statement)
      for (const each of nodes(declaration["declarations"])) add(nameOf(each["id"]), statement)
    }
    for (const specifier of nodes(statement["specifiers"])) add(nameOf(specifier["exported"]), specifier)
  }
  return found
}

/** Function that returns the levels of a module `effect/...`, or `undefined` if the module does not exist. */
export type Lookup = (specifier: string) => ReadonlyMap<string, Level> | undefined

/** Makes the lookup for an installed copy of Effect, which includes its sources. */
export const installed = (effect: string): Lookup => {
  const cache = new Map<string, ReadonlyMap<string, Level> | undefined>()
  return (specifier) => {
    if (!cache.has(specifier)) {
      const base = path.join(effect, "src", specifier.slice("effect/".length))
      const file = [`${base}.ts`, path.join(base, "index.ts")].find((candidate) => fs.existsSync(candidate))
      cache.set(specifier, file === undefined ? undefined : readLevels(file, fs.readFileSync(file, "utf8")))
    }
    return cache.get(specifier)
  }
}

/** Returns the uses of exports of Effect in a source that are not stable. */
export const check = (file: string, text: string, lookup: Lookup): ReadonlyArray<Problem> =>
  readImports(file, text).flatMap(({ specifier, line, uses }): ReadonlyArray<Problem> => {
    if (specifier === "effect")
      return [{ file, line, message: `import "effect/Module" instead of the barrel "effect"` }]
    if (!specifier.startsWith("effect/")) return []
    const known = lookup(specifier)
    if (known === undefined) return [{ file, line, message: `the source of "${specifier}" does not exist` }]
    const seen = new Set<string>()
    return uses.flatMap((use) => {
      const level = known.get(use.name)
      if (level === "stable" || seen.has(use.name)) return []
      seen.add(use.name)
      const message =
        use.name === everything
          ? `"${specifier}" is used as a whole; name the members, so that their stability can be checked`
          : `${use.name} of "${specifier}" is ${level ?? "not an export"}; core may use only stable exports`
      return [{ file, line: use.line, message }]
    })
  })

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  const core = path.join(root, "packages/core")
  const effect = path.dirname(createRequire(path.join(core, "package.json")).resolve("effect/package.json"))
  const lookup = installed(effect)
  const sources = listSources(path.join(core, "src"))
  const problems = sources.flatMap((name) =>
    check(`packages/core/src/${name}`, fs.readFileSync(path.join(core, "src", name), "utf8"), lookup),
  )
  report("stability", sources.length, problems)
}
