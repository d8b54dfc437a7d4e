/** Texts of the log lines in the sources of the packages, for lines that no event of the cluster writes. */
import { isNode, listSources, type Node, nameOf, nodes, parse, type Problem } from "../lib/source.ts"
import * as fs from "node:fs"
import * as path from "node:path"

/** A line that a source can write. `text` has `...` for each part that differs between lines. */
export interface SourceLine {
  readonly package: string
  readonly level: string
  readonly text: string
}

const levels: { readonly [name: string]: string } = {
  log: "INFO",
  logTrace: "TRACE",
  logDebug: "DEBUG",
  logInfo: "INFO",
  logWarning: "WARN",
  logError: "ERROR",
  logFatal: "FATAL",
}

/** Functions that write the text of their caller. Their calls in the same package are lines. */
interface Writer {
  readonly file: string
  readonly method: string
  /** Position of the text among the arguments. */
  readonly argument: number
  readonly level: string
  readonly prefix: string
}

const writers: ReadonlyArray<Writer> = [
  { file: "admin/src/internal/http/groups.ts", method: "audit", argument: 0, level: "INFO", prefix: "admin: " },
  { file: "effect-cluster/src/internal/Responder.ts", method: "report", argument: 1, level: "WARN", prefix: "" },
]

/** Sources with a line whose text they get from others, with what the line says. */
export const elsewhere: { readonly [file: string]: string } = {
  "core/src/cluster/Shutdown.ts": "the reason why the node stopped, as in the line of `Superseded`",
  "core/src/cluster/DiscoveredAddresses.ts": "the problem of an address that a discovery found",
  "core/src/peering/LinkLife.ts": "a hint about the address of this node, as the other node observes it",
  "core/src/peering/SeedAvailability.ts": "the event `SeedUnavailable`",
  "core/src/internal/LogBudget.ts": "lines of other sources, and the number of those that were omitted",
  "node-transport/src/internal/accept/logRefusals.ts": "refused connections, which are in the chapter about strangers",
}

const partOf = (texts: ReadonlyArray<string> | undefined): ReadonlyArray<string> => texts ?? ["..."]

/** Returns the texts that an expression can have, or `undefined` if the source does not show them. */
const textsOf = (node: unknown, constants: ReadonlyMap<string, Node>): ReadonlyArray<string> | undefined => {
  if (!isNode(node)) return undefined
  switch (node.type) {
    case "Literal":
      return typeof node["value"] === "string" ? [node["value"]] : undefined
    case "TemplateLiteral":
      return [nodes(node["quasis"]).map(cooked).join("...")]
    case "BinaryExpression":
      return partOf(textsOf(node["left"], constants)).flatMap((left) =>
        partOf(textsOf(node["right"], constants)).map((right) => left + right),
      )
    case "ConditionalExpression":
      return [node["consequent"], node["alternate"]].flatMap((each) => partOf(textsOf(each, constants)))
    case "Identifier": {
      const value = constants.get(nameOf(node) ?? "")
      return value === undefined ? undefined : textsOf(value, constants)
    }
    case "CallExpression": {
      const called = constants.get(nameOf(node["callee"]) ?? "")
      return called?.type === "ArrowFunctionExpression" ? textsOf(called["body"], constants) : undefined
    }
    default:
      return undefined
  }
}

const cooked = ({ value }: Node): string =>
  typeof value === "object" && value !== null && "cooked" in value && typeof value.cooked === "string"
    ? value.cooked
    : ""

/** A text that says nothing, because all of it differs between lines. */
const isUnknown = (text: string): boolean => !/[a-z]{3}/i.test(text.replace(/^[a-z]+: /, ""))

/** Returns the value of a property of an object literal. */
const propertyOf = (object: Node, name: string): Node | undefined => {
  const property = nodes(object["properties"]).find((each) => nameOf(each["key"]) === name)
  return property && nodes(property["value"])[0]
}

/** Returns the level and the text of a line as an object, for the lines of a bounded number. */
const lineOfObject = (argument: Node | undefined): { level: string; text: unknown; prefix: string } | undefined => {
  if (argument?.type !== "ObjectExpression") return undefined
  const [level, kind] = [propertyOf(argument, "level"), propertyOf(argument, "kind")]
  if (level === undefined || kind === undefined) return undefined
  return {
    level: level.type === "Literal" ? String(level["value"]).toUpperCase() : "",
    text: propertyOf(argument, "text"),
    prefix: "",
  }
}

/** Returns the level and the text of a line about a subject: the level, the subject, and the text. */
const lineOfSubject = ([level, , text]: ReadonlyArray<Node>) => {
  const value = level?.type === "Literal" ? level["value"] : undefined
  return value === "Info" || value === "Warn" ? { level: value.toUpperCase(), text, prefix: "" } : undefined
}

/** Returns the level and the text of the line of a failure that `Effect.ignoreCause` writes. */
const lineOfIgnored = (argument: Node | undefined): { level: string; text: unknown; prefix: string } | undefined => {
  if (argument?.type !== "ObjectExpression") return undefined
  const [level, text] = [propertyOf(argument, "log"), propertyOf(argument, "message")]
  return level === undefined ? undefined : { level: String(level["value"]).toUpperCase(), text, prefix: "" }
}

/** Returns the level and the expression of the text if the call writes a line. */
const lineOf = (call: Node, file: string): { level: string; text: unknown; prefix: string } | undefined => {
  const callee = call["callee"]
  if (!isNode(callee)) return undefined
  const isMember = callee.type === "MemberExpression"
  const name = nameOf(isMember ? callee["property"] : callee) ?? ""
  const args = nodes(call["arguments"])
  if (isMember && nameOf(callee["object"]) === "Effect") {
    if (name === "ignoreCause") return lineOfIgnored(args[0])
    const level = name === "logWithLevel" ? "" : levels[name]
    return level === undefined ? undefined : { level, text: args[0], prefix: "" }
  }
  if (name === "write") return lineOfObject(args[0]) ?? lineOfSubject(args)
  const [folder] = file.split("/")
  const writer = writers.find((each) => each.method === name && each.file.startsWith(`${folder}/`))
  return writer && { level: writer.level, text: args[writer.argument], prefix: writer.prefix }
}

/** Returns the lines of a source, and the line numbers of the calls whose text is not in the source. */
export const readLines = (
  file: string,
  source: string,
): { readonly lines: ReadonlyArray<SourceLine>; readonly unknown: ReadonlyArray<number> } => {
  const { lineAt, program } = parse(file, source)
  const [folder = ""] = file.split("/")
  const [lines, unknown]: [Array<SourceLine>, Array<number>] = [[], []]
  // The nearest constant with the name before the call, or one of the module.
  const constants = new Map<string, Node>()
  const note = (node: Node) => {
    if (isNode(node["init"])) constants.set(nameOf(node["id"]) ?? "", node["init"])
  }
  for (const statement of nodes(program["body"])) for (const each of nodes(statement["declarations"])) note(each)
  const visit = (node: Node): void => {
    if (node.type === "VariableDeclarator") note(node)
    const found = node.type === "CallExpression" ? lineOf(node, file) : undefined
    if (found !== undefined) {
      for (const text of partOf(textsOf(found.text, constants))) {
        if (isUnknown(text) || found.level === "") unknown.push(lineAt(node.start))
        else lines.push({ package: folder, level: found.level, text: found.prefix + text })
      }
    }
    for (const child of Object.values(node)) for (const each of nodes(child)) visit(each)
  }
  visit(program)
  return { lines, unknown }
}

/** Package whose lines are those of a simulation. Nobody operates it. */
const simulation = "testkit"

const unknownText =
  "the level or the text of the log line is not in this source: write them as literals or templates in the call, or add the " +
  "source to `elsewhere` or `writers` of scripts/log-lines/sources.ts"

/** Returns the lines of the packages, and the problems of lines that are not found. */
export const readPackages = (
  folder = path.join(import.meta.dirname, "..", "..", "packages"),
): { readonly lines: ReadonlyArray<SourceLine>; readonly problems: ReadonlyArray<Problem> } => {
  const known = new Set([...Object.keys(elsewhere), ...writers.map(({ file }) => file)])
  const found = fs
    .readdirSync(folder)
    .filter((name) => name !== simulation)
    .toSorted()
    .flatMap((name) => listSources(path.join(folder, name, "src")).map((source) => `${name}/src/${source}`))
    .map((file) => ({ file, ...readLines(file, fs.readFileSync(path.join(folder, file), "utf8")) }))
  const problems = found
    .filter(({ file }) => !known.has(file))
    .flatMap(({ file, unknown }) => unknown.map((line) => ({ file: `packages/${file}`, line, message: unknownText })))
  const needed = new Set(found.filter(({ unknown }) => unknown.length > 0).map(({ file }) => file))
  const stale = [...known]
    .filter((file) => !needed.has(file))
    .map((file) => ({ file: "scripts/log-lines/sources.ts", line: 1, message: `${file} needs no entry` }))
  return { lines: found.flatMap(({ lines }) => lines), problems: [...problems, ...stale] }
}
