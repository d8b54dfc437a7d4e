import * as Trace from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { sampleTrace } from "../sampleTrace.ts"

interface Logged {
  readonly host: string
  readonly clock: Readonly<Record<string, number>>
  readonly event: string
}

/** Reads a log as ShiViz reads a file (`js/shiviz.js` and `js/model/parser.js` of ShiViz). */
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

/** Checks the conditions that ShiViz requires of clocks (`js/model/modelGraph.js` of ShiViz). */
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
  it("matches the expressions in its first two lines, and has all events", () => {
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

  it("has the clock of the sender only in the clock of the receiver", () => {
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

  it("omits arrivals without a send if the beginning of the trace is missing", () => {
    const { logged } = readAsShiViz(Trace.toShiViz(small([{ _tag: "Arrived", at: 1, id: 9 }, sent(2, 10)])))
    assert.deepStrictEqual(
      logged.map(({ clock }) => clock),
      [{ a: 1 }],
    )
  })

  it("distinguishes names and texts with special characters", () => {
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
