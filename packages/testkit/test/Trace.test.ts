import * as Trace from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { sampleTrace } from "./sampleTrace.ts"

/** Everything that ends something else somewhere, if it is not escaped. */
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
  it("say what they are of in the first line, and have one event in each other", () => {
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

  it("are the same trace when they are read again", () => {
    for (const trace of [
      sampleTrace({ nodes: ["a", "b", "c", "d"] }),
      sampleTrace({ limit: 10 }),
      sampleTrace({ nodes: [hostile, "b", "c"], words: hostile }),
      { scenario: "", seed: 0, nodes: [], skipped: 0, events: [] },
    ]) {
      assert.deepStrictEqual(Trace.fromJsonl(Trace.toJsonl(trace)), Result.succeed(trace))
    }
  })

  it("are read with empty lines and with the line ends of Windows", () => {
    const trace = sampleTrace()
    const text = Trace.toJsonl(trace).replaceAll("\n", "\r\n\r\n")
    assert.deepStrictEqual(Trace.fromJsonl(text), Result.succeed(trace))
  })

  it("name the line that was cut off", () => {
    const text = Trace.toJsonl(sampleTrace()).slice(0, -20)
    const last = text.split("\n").length
    assert.include(
      messageOf(Trace.fromJsonl(text)),
      `line ${last} of the trace cannot be read: it is no JSON, or was cut off`,
    )
  })

  it("name the line that is no event, and what is wrong with it", () => {
    const lines = Trace.toJsonl(sampleTrace()).split("\n")
    const broken = lines.with(4, JSON.stringify({ _tag: "Arrived", at: 1.5, id: 3 })).join("\n")
    const message = messageOf(Trace.fromJsonl(broken))
    assert.include(message, "line 5 of the trace")
    assert.include(message, `["at"]`)
    assert.include(messageOf(Trace.fromJsonl(lines.with(2, "7").join("\n"))), "line 3 of the trace")
    assert.include(messageOf(Trace.fromJsonl(lines.slice(1).join("\n"))), "line 1 of the trace")
  })

  it("say that they are of another version", () => {
    const text = Trace.toJsonl(sampleTrace()).replace(`"version":1`, `"version":2`)
    assert.include(messageOf(Trace.fromJsonl(text)), "the trace has version 2 and this testkit reads version 1")
  })

  it("are not read if there are none", () => {
    assert.include(messageOf(Trace.fromJsonl("\n")), "the trace is empty")
  })
})

interface Logged {
  readonly host: string
  readonly clock: Readonly<Record<string, number>>
  readonly event: string
}

/** Reads a log as ShiViz reads a file: see `js/shiviz.js` and `js/model/parser.js` there. */
const readAsShiViz = (file: string): { readonly label: string; readonly logged: ReadonlyArray<Logged> } => {
  const [parser = "", delimiter = "", ...lines] = file.split("\n")
  const text = lines.join("\n").trim()
  const separator = new RegExp(`^${delimiter.trim()}$`, "gm")
  const labels = [...text.matchAll(separator)].map((match) => match.groups?.["trace"])
  const runs = text
    .split(new RegExp(`^${delimiter.trim().replace("?<trace>", "?:")}$`, "m"))
    .filter((run) => run.trim() !== "")
  assert.strictEqual(labels.length, 1)
  assert.strictEqual(runs.length, 1)
  const pattern = new RegExp(`^${parser.trim()}$`, "gm")
  const logged = [...(runs[0] ?? "").matchAll(pattern)].map(({ groups }): Logged => {
    const { clock = "", event = "", host = "" } = groups ?? {}
    return { host, event, clock: JSON.parse(clock) }
  })
  return { label: labels[0] ?? "", logged }
}

/** What ShiViz demands of clocks before it draws them, see `js/model/modelGraph.js`. */
const checkClocks = (logged: ReadonlyArray<Logged>): void => {
  const counts = new Map<string, number>()
  for (const { host } of logged) counts.set(host, (counts.get(host) ?? 0) + 1)
  const latest = new Map<string, Logged["clock"]>()
  for (const { clock, host } of logged) {
    const before = latest.get(host) ?? {}
    assert.strictEqual(clock[host], (before[host] ?? 0) + 1)
    for (const [other, time] of Object.entries(before)) assert.isAtLeast(clock[other] ?? 0, time)
    for (const [other, time] of Object.entries(clock)) {
      assert.isAtLeast(time, 1)
      assert.isAtMost(time, counts.get(other) ?? 0)
    }
    latest.set(host, clock)
  }
}

const small = (events: ReadonlyArray<Trace.Event>): Trace.Trace => ({
  scenario: "small",
  seed: 1,
  nodes: ["a", "b"],
  skipped: 0,
  events,
})

const sent = (at: number, id: number, from = "a", to = "b"): Trace.Event => ({
  _tag: "Sent",
  at,
  id,
  connection: 1,
  from,
  to,
  size: 10,
  messages: [{ kind: "Ping", text: "Ping" }],
})

describe("the log for ShiViz", () => {
  it("is read by the expressions in its first two lines, and has all events", () => {
    const trace = sampleTrace({ nodes: ["a", "b", "c", "d"] })
    const { label, logged } = readAsShiViz(Trace.toShiViz(trace))
    assert.strictEqual(label, "at most one lease holder seed 1729")
    assert.strictEqual(logged.length, trace.events.length)
    assert.deepStrictEqual([...new Set(logged.map(({ host }) => host))].sort(), ["a", "b", "c", "d", "simulation"])
    assert.include(logged.at(-1)?.event ?? "", `20.000000 s  failed: "at most one holder" was violated`)
  })

  it("has clocks that count each host's own events and never go back", () => {
    checkClocks(readAsShiViz(Trace.toShiViz(sampleTrace({ nodes: ["a", "b", "c", "d"] }))).logged)
    checkClocks(readAsShiViz(Trace.toShiViz(sampleTrace({ limit: 60 }))).logged)
  })

  it("has the clock of the sender in that of who received it, and of nobody else", () => {
    const trace = small([
      { _tag: "Node", at: 0, node: "b", state: "starting", life: 1 },
      sent(1, 1),
      sent(2, 2),
      { _tag: "Arrived", at: 3, id: 1 },
      { _tag: "Fault", at: 4, fault: 0, kind: "reset", state: "began", nodes: ["b"], text: "a reset" },
      { _tag: "Note", at: 5, node: "b", kind: "log", text: "hello" },
      { _tag: "Dropped", at: 6, id: 2, why: "reset" },
    ])
    const { logged } = readAsShiViz(Trace.toShiViz(trace))
    assert.deepStrictEqual(
      logged.map(({ clock }) => clock),
      [{ b: 1 }, { a: 1 }, { a: 2 }, { a: 1, b: 2 }, { simulation: 1 }, { a: 1, b: 3 }, { a: 2, simulation: 2 }],
    )
    assert.deepStrictEqual(
      logged.map(({ event }) => event.slice(event.indexOf("  ") + 2)),
      [
        "b is starting",
        "a sends to b: Ping",
        "a sends to b: Ping",
        "b receives from a: Ping, after 2 µs",
        "fault: a reset",
        "b: hello",
        "Ping from a to b never arrives: reset",
      ],
    )
  })

  it("leaves out what arrives without having been sent, where the beginning is missing", () => {
    const { logged } = readAsShiViz(Trace.toShiViz(small([{ _tag: "Arrived", at: 1, id: 9 }, sent(2, 10)])))
    assert.deepStrictEqual(
      logged.map(({ clock }) => clock),
      [{ a: 1 }],
    )
  })

  it("keeps names and texts that are not made for it apart", () => {
    const nodes = ["a b", "a_b", "__proto__", "constructor", "", "simulation"]
    const note = (node: string): Trace.Event => ({
      _tag: "Note",
      at: 1,
      node,
      kind: "log",
      text: `1\n=== x ===\n${node} {"x":1}\r\n2`,
    })
    const healed: Trace.Event = { _tag: "Note", at: 2, kind: "healed", text: "=== y ===" }
    const trace = { ...small([...nodes.map(note), healed]), nodes, scenario: "one\ntwo" }
    const { label, logged } = readAsShiViz(Trace.toShiViz(trace))
    assert.strictEqual(label, "one ⏎ two seed 1")
    checkClocks(logged)
    assert.strictEqual(new Set(logged.map(({ host }) => host)).size, 7)
    assert.strictEqual(logged.length, 7)
  })
})

describe("the page", () => {
  const embedded = (html: string): string => {
    const [, rest = ""] = html.split(`<script type="application/json" id="data">`)
    return rest.slice(0, rest.indexOf("</script>"))
  }
  const dataOf = (html: string): unknown => JSON.parse(embedded(html))

  it("has the trace and what is said of it as data", () => {
    const trace = sampleTrace()
    const options = { title: "t", failure: "f", replay: "r", sentences: ["s"] }
    assert.deepStrictEqual(dataOf(Trace.toHtml(trace, options)), { trace, options })
  })

  it("cannot be broken by what is in the trace", () => {
    const trace = { ...sampleTrace({ nodes: [hostile, "b", "c"], words: hostile }), scenario: hostile }
    const html = Trace.toHtml(trace, { failure: hostile, replay: hostile, sentences: [hostile] })
    assert.deepStrictEqual(dataOf(html), {
      trace,
      options: { failure: hostile, replay: hostile, sentences: [hostile] },
    })
    const plain = Trace.toHtml({ ...trace, nodes: [], events: [], scenario: "plain" })
    for (const markup of ["<script", "</script", "<!--"]) {
      assert.strictEqual(html.split(markup).length, plain.split(markup).length, markup)
    }
    assert.notMatch(embedded(html), /[<\u2028\u2029]/)
  })

  it("loads nothing", () => {
    const html = Trace.toHtml(sampleTrace())
    assert.include(
      html,
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'`,
    )
    assert.notMatch(html.replaceAll("http://www.w3.org/2000/svg", ""), /https?:|\bsrc=|\bhref=|@import|url\((?!#)/)
  })
})
