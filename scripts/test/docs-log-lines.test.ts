import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as path from "node:path"
import { examples } from "../log-lines/examples.ts"
import { labels, linesOf } from "../log-lines/lines.ts"
import { checkExamples, checkPage, update } from "../log-lines/page.ts"
import { readLines, readPackages } from "../log-lines/sources.ts"

/** Parses a line of logfmt: `key=value`, or `key="a quoted value"`. */
const parseLogfmt = (line: string): Readonly<Record<string, string>> => {
  const fields: Record<string, string> = {}
  const field = /([^\s=]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)/y
  while (field.lastIndex < line.length) {
    const at = field.lastIndex
    const [, key = "", value = ""] = field.exec(line) ?? assert.fail(`no field at ${at}: ${line}`)
    fields[key] = value.startsWith('"') ? String(JSON.parse(value)) : value
  }
  return fields
}

const JsonLine = Schema.fromJsonString(
  Schema.Struct({
    timestamp: Schema.String,
    level: Schema.String,
    message: Schema.String,
    annotations: Schema.Record(Schema.String, Schema.Json),
  }),
)

const page = fs.readFileSync(path.join(import.meta.dirname, "../../docs/operations.md"), "utf8")

describe("the log line of each event", () => {
  for (const event of Object.values(examples)) {
    it(`${event._tag} is logfmt and JSON with the labels of the node and of the peer`, () => {
      const { json, logfmt } = linesOf(event)
      const expected = event._tag === "Snapshot" || event._tag === "Lagged" ? 0 : 1
      assert.deepStrictEqual([logfmt.length, json.length], [expected, expected])
      const peer = "peer" in event ? { peer: event.peer.name, generation: event.peer.generation } : {}
      for (const line of json) {
        const { annotations, message } = Schema.decodeUnknownSync(JsonLine)(line)
        assert.deepStrictEqual(annotations, { ...labels, ...peer })
        for (const text of logfmt) {
          const fields = parseLogfmt(text)
          assert.strictEqual(fields["message"], message)
          const found = Object.keys(annotations).map((key) => [key, fields[key]])
          assert.deepStrictEqual(
            found,
            Object.entries(annotations).map(([key, value]) => [key, String(value)]),
          )
        }
      }
    })
  }
})

describe("the page with the log lines", () => {
  it("is up to date, and is not with another line", () => {
    assert.deepStrictEqual(checkPage(page), [])
    assert.strictEqual(update(page), page)
    const [problem] = checkPage(page.replace('message="web-2 failed"', 'message="web-2 died"'))
    assert.include(problem?.message, "not up to date")
    assert.include(checkPage("no marks")[0]?.message, "does not have the marks")
  })

  it("needs a line for each example", () => {
    assert.deepStrictEqual(checkExamples(), [])
    // An event of a later version.
    const [problem] = checkExamples([JSON.parse('{"_tag":"Later"}')])
    assert.include(problem?.message, "Later has 0 log lines instead of 1")
  })
})

describe("the log lines of a source", () => {
  const textsOf = (source: string, file = "state/src/X.ts") =>
    readLines(file, source).lines.map(({ level, text }) => `${level} ${text}`)

  it("are the literals and templates of the calls that log", () => {
    assert.deepStrictEqual(textsOf('Effect.logInfo("all is well"); other.logInfo("not this")'), ["INFO all is well"])
    assert.deepStrictEqual(textsOf("Effect.logWarning(`the map ${name} is ` + `full: ${error.message}`, cause)"), [
      "WARN the map ... is full: ...",
    ])
    assert.deepStrictEqual(textsOf('Effect.logError(isOne ? "one peer" : "several peers")'), [
      "ERROR one peer",
      "ERROR several peers",
    ])
  })

  it("are found through constants, functions and the functions that write", () => {
    assert.deepStrictEqual(textsOf("const text = `the value ${name}`; Effect.logDebug(text)"), ["DEBUG the value ..."])
    assert.deepStrictEqual(textsOf('Effect.logInfo(lineOf("a")); const lineOf = (name) => `the map ${name}`'), [
      "INFO the map ...",
    ])
    assert.deepStrictEqual(textsOf("audit(`join ${address}`)", "admin/src/X.ts"), ["INFO admin: join ..."])
    assert.deepStrictEqual(textsOf('log.write({ level: "Debug", kind: "a", text: `the link to ${name}` })'), [
      "DEBUG the link to ...",
    ])
  })

  it("need a text and a level in the source", () => {
    for (const source of [
      "Effect.logInfo(text)",
      "Effect.logInfo(`state: ${text}`)",
      'Effect.logWithLevel(level)("a")',
    ]) {
      assert.deepStrictEqual(readLines("state/src/X.ts", `\n${source}`), { lines: [], unknown: [2] }, source)
    }
  })

  it("of every package that logs are on the page", () => {
    const { lines, problems } = readPackages()
    assert.deepStrictEqual(problems, [])
    const packages = new Set(lines.map((line) => line.package))
    for (const name of ["core", "effect-cluster", "reactivity", "rpc", "state"]) assert.isTrue(packages.has(name), name)
    for (const { level, text } of lines) assert.include(page, `${level.padEnd(5)} ${text}`)
  })
})
