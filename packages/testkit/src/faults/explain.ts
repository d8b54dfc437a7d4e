/**
 * Explains errors in data that was written by hand: the place, the value found there, and the values that are allowed.
 * The formatter of Effect's schemas lists every alternative that did not match. This one picks the alternative that the
 * author of the data meant.
 */
import * as SchemaIssue from "effect/SchemaIssue"

/** Error with its place. */
interface Complaint {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
  /** `true` if the value has another form altogether, `false` if a part of it is wrong. */
  readonly form: boolean
}

const annotation = (of: unknown, key: "message" | "expected"): string | undefined => {
  if (typeof of !== "object" || of === null || !(key in of)) return undefined
  const value: unknown = Reflect.get(of, key)
  return typeof value === "string" ? value : undefined
}

const show = (input: unknown): string => {
  const text = JSON.stringify(input) ?? String(input)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

const expectedBut = (what: string, issue: SchemaIssue.Issue): string =>
  SchemaIssue.hasInput(issue) ? `expected ${what}, found ${show(issue.input)}` : `expected ${what}`

/** Returns the keys that an object may have. */
const keysOf = (ast: SchemaIssue.UnexpectedKey["ast"]): ReadonlyArray<string> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []

const complaints = (issue: SchemaIssue.Issue, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Complaint> => {
  switch (issue._tag) {
    case "Pointer":
      return complaints(issue.issue, [...path, ...issue.path])
    case "Encoding":
      return complaints(issue.issue, path)
    case "Filter": {
      const expected = annotation(issue.filter.annotations, "expected")
      if (expected === undefined) return complaints(issue.issue, path)
      return [{ path, message: expectedBut(expected, issue), form: false }]
    }
    case "Composite":
      return issue.issues.flatMap((part) => complaints(part, path))
    case "AnyOf":
      return alternatives(issue, path)
    case "MissingKey":
      return [{ path, message: "this key is missing", form: true }]
    case "UnexpectedKey": {
      const keys = keysOf(issue.ast)
      const known = keys.length === 0 ? "" : `; the keys allowed here are ${keys.join(", ")}`
      return [{ path, message: `this key is unknown${known}`, form: false }]
    }
    case "InvalidValue": {
      const message = annotation(issue.annotations, "message")
      if (message !== undefined) return [{ path, message, form: false }]
      const expected = annotation(issue.annotations, "expected") ?? "another value"
      return [{ path, message: expectedBut(expected, issue), form: false }]
    }
    case "InvalidType": {
      const expected = annotation(issue.ast.annotations, "expected") ?? SchemaIssue.defaultLeafHook(issue)
      return [{ path, message: expectedBut(expected.replace(/^Expected (.*?)(, got .*)?$/s, "$1"), issue), form: true }]
    }
    default:
      return [{ path, message: SchemaIssue.defaultLeafHook(issue), form: true }]
  }
}

/** Returns the errors of the alternative that has the form of the data. */
const alternatives = (issue: SchemaIssue.AnyOf, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Complaint> => {
  const members = issue.issues.map((member) => complaints(member, path))
  // A literal in the data, such as the kind of a fault, may already identify the alternative.
  const meant =
    members.length === 1
      ? members[0]
      : members.find((member) => member.every(({ form, path: { length } }) => !form || length > path.length + 1))
  const expected = annotation(issue.ast.annotations, "expected") ?? literalsOf(issue)
  return meant ?? [{ path, message: expectedBut(expected, issue), form: true }]
}

/** Returns the literals or types of the alternatives, for an error that expects one of them. */
const literalsOf = ({ ast }: SchemaIssue.AnyOf): string =>
  ast.types.map((type) => (type._tag === "Literal" ? show(type.literal) : type._tag)).join(" or ")

const place = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    "",
  )

/**
 * Returns the errors, each with its place: `timeline[0].for: expected ...`. The caller decodes with `reportInput`, so
 * that the text can show the value that was found.
 */
export const explain = (issue: SchemaIssue.Issue): string =>
  complaints(issue, [])
    .map(({ message, path }) => (path.length === 0 ? message : `${place(path)}: ${message}`))
    .join("; ")
