/**
 * Facts about a TypeScript source for the architecture checks: its imports and the members of these that it uses. They
 * are read from the syntax tree, so comments and strings do not count. A use that cannot be followed, such as a
 * namespace passed as a value, counts as a use of everything.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { parseSync } from "vite"

/** Name for all exports of a module, for a use that cannot be followed. */
export const everything = "*"

/** Use of a member of a module, with its place. */
export interface Use {
  readonly name: string
  readonly line: number
}

/** Import or re-export of a module. */
export interface Import {
  readonly specifier: string
  readonly line: number
  readonly uses: ReadonlyArray<Use>
}

/** Violation of a rule. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Node of the syntax tree, with the fields that the checks need. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/** Returns the nodes in an optional child or list of children. */
export const nodes = (value: unknown): ReadonlyArray<Node> =>
  Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []

/** Returns the text of an identifier or of a string literal. */
export const nameOf = (node: unknown): string | undefined => {
  if (!isNode(node)) return undefined
  if (node.type === "Identifier" && typeof node["name"] === "string") return node["name"]
  return node.type === "Literal" && typeof node["value"] === "string" ? node["value"] : undefined
}

export interface Source {
  readonly program: Node
  readonly comments: ReadonlyArray<{ readonly value: string; readonly start: number; readonly end: number }>
  readonly lineAt: (offset: number) => number
}

/** Parses a source. Throws on a syntax error, because a source that cannot be parsed cannot be checked. */
export const parse = (file: string, text: string): Source => {
  const { program, comments, errors } = parseSync(file, text)
  const error = errors[0]
  if (error !== undefined) throw new Error(`${file}: ${error.message}`)
  if (!isNode(program)) throw new Error(`${file}: the parser returned no tree`)
  return { program, comments, lineAt: (offset) => text.slice(0, offset).split("\n").length }
}

/** Children that are names instead of references, by the type of their parent. */
const labels: { readonly [type: string]: string } = {
  TSQualifiedName: "right",
  TSNamedTupleMember: "label",
  MetaProperty: "property",
}

/** Returns the imports of a source in order. */
export const readImports = (file: string, text: string): ReadonlyArray<Import> => {
  const { program, lineAt } = parse(file, text)
  const imports: Array<{ specifier: string; line: number; uses: Array<Use> }> = []
  const namespaces = new Map<string, Array<Use>>()

  const add = (specifier: unknown, at: Node): Array<Use> => {
    const uses: Array<Use> = []
    imports.push({ specifier: nameOf(specifier) ?? "", line: lineAt(at.start), uses })
    return uses
  }
  const use = (uses: Array<Use>, name: string | undefined, at: Node) => {
    uses.push({ name: name ?? everything, line: lineAt(at.start) })
  }

  const readStatement = (node: Node) => {
    const uses = add(node["source"], node)
    if (node.type === "ExportAllDeclaration") return use(uses, everything, node)
    for (const specifier of nodes(node["specifiers"])) {
      switch (specifier.type) {
        case "ImportNamespaceSpecifier": {
          const local = nameOf(specifier["local"])
          if (local !== undefined) namespaces.set(local, uses)
          break
        }
        case "ImportDefaultSpecifier":
          use(uses, "default", specifier)
          break
        case "ImportSpecifier":
          use(uses, nameOf(specifier["imported"]), specifier)
          break
        default:
          use(uses, nameOf(specifier["local"]), specifier)
      }
    }
  }

  const readType = (node: Node) => {
    let qualifier = node["qualifier"]
    while (isNode(qualifier) && qualifier.type === "TSQualifiedName") qualifier = qualifier["left"]
    use(add(node["source"], node), nameOf(qualifier), node)
  }

  const visit = (node: Node): void => {
    if (node.type === "ImportExpression") use(add(node["source"], node), everything, node)
    if (node.type === "TSImportType") readType(node)
    if (node.type === "Identifier") {
      const uses = namespaces.get(nameOf(node) ?? "")
      if (uses !== undefined) use(uses, everything, node)
    }
    let skipped = labels[node.type]
    if (node.type === "MemberExpression" || node.type === "TSQualifiedName") {
      const object = node.type === "MemberExpression" ? "object" : "left"
      const member = node.type === "MemberExpression" ? "property" : "right"
      if (node["computed"] !== true) skipped = member
      const uses =
        isNode(node[object]) && node[object].type === "Identifier" && namespaces.get(nameOf(node[object]) ?? "")
      if (uses) {
        const known = node["computed"] !== true || (isNode(node[member]) && node[member].type === "Literal")
        use(uses, known ? nameOf(node[member]) : everything, node)
        for (const child of nodes(node[member])) if (skipped === undefined) visit(child)
        return
      }
    } else if ("key" in node && node["computed"] !== true) {
      skipped = "key"
    }
    for (const [key, child] of Object.entries(node)) {
      if (key !== skipped) for (const each of nodes(child)) visit(each)
    }
  }

  const rest: Array<Node> = []
  for (const statement of nodes(program["body"])) {
    if (isNode(statement["source"])) readStatement(statement)
    else rest.push(statement)
  }
  for (const statement of rest) visit(statement)
  return imports
}

/**
 * Returns the sorted paths of the TypeScript sources below a folder, with forward slashes. The folder may be missing.
 */
export const listSources = (folder: string): ReadonlyArray<string> => {
  if (!fs.existsSync(folder)) return []
  // Skips node_modules, where packages link to each other in circles.
  const exclude = (name: string): boolean => ["node_modules", "dist"].includes(path.basename(name))
  return fs
    .globSync("**/*.ts", { cwd: folder, exclude })
    .map((name) => name.split(path.sep).join("/"))
    .toSorted()
}

/** Prints the problems and sets the exit code. */
export const report = (what: string, checked: number, problems: ReadonlyArray<Problem>): void => {
  for (const { file, line, message } of problems) console.error(`${file}:${line}: ${message}`)
  if (problems.length > 0) process.exitCode = 1
  console.log(`${what}: ${checked} files, ${problems.length} problems`)
}
