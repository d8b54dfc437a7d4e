import * as Trace from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { sampleTrace } from "./sampleTrace.ts"

/** Text with all delimiters that must be escaped. */
const hostile = `</script><!-- <script> "quotes" \\ \u2028\u2029\n{ "_tag": 1 }`

const messageOf = <A>(result: Result.Result<A, { readonly message: string; readonly reason: string }>): string => {
  assert.isTrue(Result.isFailure(result))
  if (Result.isSuccess(result)) return ""
  assert.strictEqual(result.failure.reason, "artifact")
  return result.failure.message
}

describe("the sample", () => {
  it("is a trace with every kind of event", () => {
    const trace = sampleTrace({ nodes: ["a", "b", "c", "d"] })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Trace.Trace)(trace), trace)
    const kinds = new Set(
      trace.events.map((event) =>
        event._tag === "Node" || event._tag === "Connection" || event._tag === "Fault"
          ? `${event._tag} ${event.state}`
          : event._tag === "Note"
            ? `Note ${event.kind}`
            : event._tag,
      ),
    )
    const literals = (tag: string, of: ReadonlyArray<string>) => of.map((name) => `${tag} ${name}`)
    const all = [
      ...literals("Node", Trace.NodeEvent.fields.state.literals),
      ...literals("Connection", Trace.ConnectionEvent.fields.state.literals),
      ...literals("Fault", Trace.FaultEvent.fields.state.literals),
      ...literals("Note", Trace.Note.fields.kind.literals),
      ...["Sent", "Arrived", "Lost", "Dropped", "Failed"],
    ]
    assert.deepStrictEqual([...kinds].sort(), all.sort())
  })
})

describe("lines of JSON", () => {
  it("describe the run in the first line, and have one event in each other line", () => {
    const trace = sampleTrace({ limit: 3 })
    const lines = Trace.toJsonl(trace).split("\n")
    const { events, ...header } = trace
    assert.deepStrictEqual(JSON.parse(lines[0] ?? ""), { version: 1, ...header })
    assert.deepStrictEqual(
      lines.slice(1, -1).map((line): unknown => JSON.parse(line)),
      [...events],
    )
    assert.strictEqual(lines.at(-1), "")
  })

  it("decode to the same trace", () => {
    for (const trace of [
      sampleTrace({ nodes: ["a", "b", "c", "d"] }),
      sampleTrace({ limit: 10 }),
      sampleTrace({ nodes: [hostile, "b", "c"], words: hostile }),
      { scenario: "", seed: 0, nodes: [], skipped: 0, events: [] },
    ]) {
      assert.deepStrictEqual(Trace.fromJsonl(Trace.toJsonl(trace)), Result.succeed(trace))
    }
  })

  it("can have empty lines and the line ends of Windows", () => {
    const trace = sampleTrace()
    const text = Trace.toJsonl(trace).replaceAll("\n", "\r\n\r\n")
    assert.deepStrictEqual(Trace.fromJsonl(text), Result.succeed(trace))
  })

  it("fail with the number of a truncated line", () => {
    const text = Trace.toJsonl(sampleTrace()).slice(0, -20)
    const last = text.split("\n").length
    assert.include(
      messageOf(Trace.fromJsonl(text)),
      `line ${last} of the trace cannot be read: it is not JSON, or is truncated`,
    )
  })

  it("fail with the number of a line that is not an event, and the problem", () => {
    const lines = Trace.toJsonl(sampleTrace()).split("\n")
    const broken = lines.with(4, JSON.stringify({ _tag: "Arrived", at: 1.5, id: 3 })).join("\n")
    const message = messageOf(Trace.fromJsonl(broken))
    assert.include(message, "line 5 of the trace")
    assert.include(message, `["at"]`)
    assert.include(messageOf(Trace.fromJsonl(lines.with(2, "7").join("\n"))), "line 3 of the trace")
    assert.include(messageOf(Trace.fromJsonl(lines.slice(1).join("\n"))), "line 1 of the trace")
  })

  it("fail if they have another version", () => {
    const text = Trace.toJsonl(sampleTrace()).replace(`"version":1`, `"version":2`)
    assert.include(messageOf(Trace.fromJsonl(text)), "the trace has version 2 and this testkit reads version 1")
  })

  it("fail if there are none", () => {
    assert.include(messageOf(Trace.fromJsonl("\n")), "the trace is empty")
  })
})
