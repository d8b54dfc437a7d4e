/** Finds the titles of tests, invariants, scenarios and mutants in the sources of the tests. */
import { isNode, nameOf, type Node, nodes, parse } from "../lib/source.ts"

/** Placeholder for text that a title takes from its test case. */
export const variable = "..."

/** Text in a source that may be a title. */
export interface Title {
  readonly file: string
  /** Titles of the `describe` blocks around the text, outermost first. */
  readonly groups: ReadonlyArray<string>
  /** The text, with {@link variable} for each value that it takes from its test case. */
  readonly text: string
}

/** Returns the value of a text. A template has {@link variable} for each of its expressions. */
const textOf = (node: Node): string | undefined => {
  if (node.type === "Literal") return nameOf(node)
  if (node.type !== "TemplateLiteral") return undefined
  const parts = nodes(node["quasis"]).map((quasi) => {
    const value: unknown = quasi["value"]
    return typeof value === "object" && value !== null && "cooked" in value ? String(value.cooked) : ""
  })
  return parts.join(variable)
}

/** Replaces the placeholders of `it.each`, such as `%s` and `$name`. */
const withoutPlaceholders = (text: string): string => text.replaceAll(/%[sdifjo#]|\$[a-z][\w.]*/gi, variable)

/** Returns the identifier at the start of a callee: `describe` of `describe.each(cases)`. */
const rootOf = (callee: unknown): string | undefined => {
  let node = callee
  while (isNode(node) && node.type !== "Identifier") node = node["object"] ?? node["callee"] ?? node["tag"]
  return nameOf(node)
}

/** Returns all texts of a source that may be titles, with their groups. */
export const readTitles = (file: string, text: string): ReadonlyArray<Title> => {
  const titles: Array<Title> = []
  const titleOf = (node: Node): string | undefined => {
    const value = textOf(node)
    return value === undefined ? undefined : withoutPlaceholders(value)
  }
  const visitAll = (value: unknown, groups: ReadonlyArray<string>): void => {
    for (const child of nodes(value)) visit(child, groups)
  }
  const visit = (node: Node, groups: ReadonlyArray<string>): void => {
    const title = titleOf(node)
    if (title !== undefined) titles.push({ file, groups, text: title })
    const [first, ...rest] = node.type === "CallExpression" ? nodes(node["arguments"]) : []
    const group = first !== undefined && rootOf(node["callee"]) === "describe" ? titleOf(first) : undefined
    if (first === undefined || group === undefined) {
      for (const child of Object.values(node)) visitAll(child, groups)
      return
    }
    visitAll(node["callee"], groups)
    visit(first, groups)
    visitAll(rest, [...groups, group])
  }
  visit(parse(file, text).program, [])
  return titles
}

/** Returns the pattern of a name: {@link variable} matches any text that is not empty. */
const patternOf = (name: string): RegExp =>
  new RegExp(
    `^${name
      .split(variable)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".+")}$`,
    "s",
  )

/** Returns the titles that have a name, each place once. */
export const findTitles = (name: string, titles: ReadonlyArray<Title>): ReadonlyArray<Title> => {
  const pattern = patternOf(name)
  const places = new Map<string, Title>()
  for (const title of titles) {
    if (pattern.test(title.text)) places.set([title.file, ...title.groups].join("\n"), title)
  }
  return [...places.values()]
}
