import { assert, describe, it } from "@effect/vitest"
import ts from "typescript"
import { signatureOf } from "../signatures.ts"

/** Compiles a source, and returns its exports. */
const exportsOf = (source: string) => {
  const file = ts.createSourceFile("a.ts", source, ts.ScriptTarget.ESNext, true)
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost({}),
    getSourceFile: (name) => (name === "a.ts" ? file : undefined),
  }
  const checker = ts.createProgram(["a.ts"], { noLib: true, strict: true }, host).getTypeChecker()
  const module = checker.getSymbolAtLocation(file)
  return { checker, symbols: module === undefined ? [] : checker.getExportsOfModule(module) }
}

/** Returns the signatures of the exports of a source, by their names. */
const signatures = (source: string): { readonly [name: string]: string } => {
  const { checker, symbols } = exportsOf(source)
  return Object.fromEntries(symbols.map((symbol) => [symbol.name, signatureOf(symbol, checker)]))
}

/** Returns the signature of a member of an exported interface. */
const memberSignature = (source: string, name: string, member: string): string => {
  const { checker, symbols } = exportsOf(source)
  const found = symbols
    .filter((symbol) => symbol.name === name)
    .flatMap((symbol) => [...(symbol.members?.values() ?? [])])
    .find((symbol) => symbol.name === member)
  return found === undefined ? "" : signatureOf(found, checker)
}

describe("the signature", () => {
  it("of a function has its parameters as the source names them, and defaults as optional ones", () => {
    const { layer, make } = signatures(`
export const make = <A>(name: string, options: Options = {}): Topic<A> => topic
export function layer(options: Options): Layer<Cluster> { return run(options) }
`)
    assert.strictEqual(make, "const make: <A>(name: string, options?: Options) => Topic<A>")
    assert.strictEqual(layer, "function layer(options: Options): Layer<Cluster>")
  })

  it("of a long function has a parameter on each line", () => {
    const { ask } = signatures(
      "export const ask = (peer: PeerReference, options: OptionsOfARequest, timeout: Duration): Effect<Answer> => x",
    )
    assert.strictEqual(
      ask,
      "const ask: (\n  peer: PeerReference,\n  options: OptionsOfARequest,\n  timeout: Duration,\n) => Effect<Answer>",
    )
  })

  it("of an overloaded function has all overloads, without the implementation", () => {
    const { open } = signatures(`
export function open(topic: Topic): string
export function open(topic: Topic, options: Options): number
export function open(topic: Topic, options?: Options): string | number { return 1 }
`)
    assert.strictEqual(
      open,
      "function open(topic: Topic): string\nfunction open(topic: Topic, options: Options): number",
    )
  })

  it("of a constant has its declared type, an inferred type if that is short, and else its value", () => {
    const long = "a".repeat(200)
    const { declared, schema, version } = signatures(`
export const declared: Policy = make()
export const version = 1
export const schema = { ${long}: 1 }
`)
    assert.strictEqual(declared, "const declared: Policy")
    assert.strictEqual(version, "const version: 1")
    assert.strictEqual(schema, `const schema = { ${long}: 1 }`)
  })

  it("of an interface or a class is its head, and all of an interface that has nothing with a name", () => {
    const { Denied, Options, Sim } = signatures(`
export interface Options<A> extends Base<A> { readonly a: A }
export interface Sim {
  (name: string): void
}
export class Denied extends TaggedError("Denied", {
  /** Why. */
  reason: string,
}) {}
`)
    assert.strictEqual(Sim, "interface Sim {\n  (name: string): void\n}")
    assert.strictEqual(Options, "interface Options<A> extends Base<A>")
    assert.strictEqual(Denied, 'class Denied extends TaggedError("Denied", {\n  reason: string,\n})')
  })

  it("of a type is the type, and of a member of it what stands there, without its indentation", () => {
    const source = `
export type Status =
  | "a"
  | "b"
export interface Service {
  readonly open: {
    (options: Options): string
  }
}
`
    const { Status } = signatures(source)
    assert.strictEqual(Status, 'type Status =\n  | "a"\n  | "b"')
    assert.strictEqual(memberSignature(source, "Service", "open"), "readonly open: {\n  (options: Options): string\n}")
  })
})
