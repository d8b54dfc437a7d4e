import type { Event, Trace } from "@coterie/testkit/Trace"
import { assert, describe, it } from "@effect/vitest"
import { geometry } from "../../src/picture/geometry.ts"
import { sampleTrace } from "../sampleTrace.ts"

const { beside, heights, link, messages, nowhere, past, shades, spans, underway, walls } = geometry()

const traceOf = (events: ReadonlyArray<Event>, nodes: ReadonlyArray<string> = ["a", "b", "c"]): Trace => ({
  scenario: "test",
  seed: 1,
  nodes,
  skipped: 0,
  events,
})

const sent = (at: number, id: number, from: string, to: string, ...kinds: ReadonlyArray<string>): Event => ({
  _tag: "Sent",
  at,
  id,
  connection: 1,
  from,
  to,
  size: 10,
  ...(kinds.length === 0 ? {} : { messages: kinds.map((kind) => ({ kind, text: kind })) }),
})
const arrived = (at: number, id: number): Event => ({ _tag: "Arrived", at, id })
const log = (at: number, node: string): Event => ({ _tag: "Note", at, node, kind: "log", text: "x" })
const node = (at: number, node: string, state: Extract<Event, { _tag: "Node" }>["state"]): Event => ({
  _tag: "Node",
  at,
  node,
  state,
  life: 1,
})
const fault = (at: number, fault: number, state: "began" | "over", nodes: ReadonlyArray<string>): Event => ({
  _tag: "Fault",
  at,
  fault,
  kind: "partition",
  state,
  nodes,
  cut: { from: nodes.slice(0, 1), to: nodes.slice(1), oneWay: false },
  text: `fault ${fault}`,
})

const samples = {
  small: sampleTrace(),
  cut: sampleTrace({ limit: 100 }),
  large: sampleTrace({ nodes: ["a", "b", "c", "d", "e", "f"], seconds: 60 }),
  empty: traceOf([]),
}

describe("lanes", () => {
  it("are the nodes in their order, then hosts that are no nodes", () => {
    const { lanes } = link(traceOf([sent(0, 1, "z", "b"), sent(1, 2, "a", "y")]))
    assert.deepStrictEqual(lanes, ["a", "b", "c", "z", "y"])
  })

  it("have what happens to their node; the rest is beside them, between them, or unknown", () => {
    const { lane } = link(
      traceOf([
        sent(0, 1, "a", "b"),
        { _tag: "Lost", at: 0, id: 1, times: 1 },
        arrived(1, 1),
        { _tag: "Dropped", at: 2, id: 99, why: "" },
        sent(3, 2, "a", "b"),
        { _tag: "Dropped", at: 4, id: 2, why: "" },
        fault(5, 0, "began", ["a"]),
        { _tag: "Connection", at: 6, connection: 1, from: "a", to: "c", state: "accepted" },
        { _tag: "Connection", at: 6, connection: 1, from: "a", to: "c", state: "end", by: "c" },
        { _tag: "Connection", at: 6, connection: 2, from: "a", to: "c", state: "refused" },
        { _tag: "Note", at: 7, kind: "healed", text: "" },
      ]),
    )
    assert.deepStrictEqual(lane, [0, underway, 1, nowhere, 0, underway, beside, 2, 2, 0, beside])
  })
})

describe("what influences what", () => {
  /** Both sides of the matter in one small story. */
  const story = traceOf([
    log(0, "a"), // 0
    log(0, "b"), // 1
    sent(1, 1, "a", "b"), // 2
    { _tag: "Lost", at: 1, id: 1, times: 2 }, // 3
    log(2, "a"), // 4
    arrived(3, 1), // 5
    sent(4, 2, "b", "c"), // 6
    log(5, "c"), // 7
    { _tag: "Dropped", at: 6, id: 2, why: "" }, // 8
    fault(7, 0, "began", ["c", "a"]), // 9
    log(8, "c"), // 10
    fault(9, 0, "over", ["c", "a"]), // 11
    { _tag: "Connection", at: 10, connection: 3, from: "a", to: "b", state: "dialed" }, // 12
    { _tag: "Connection", at: 11, connection: 3, from: "a", to: "b", state: "accepted" }, // 13
  ])
  const { causes } = link(story)
  const pastOf = (event: number): ReadonlyArray<number> =>
    past(causes, event).flatMap((inside, index) => (inside ? [index] : []))

  it("is what the same node did before, and what it received", () => {
    assert.deepStrictEqual(pastOf(0), [0])
    assert.deepStrictEqual(pastOf(4), [0, 2, 4])
    assert.deepStrictEqual(pastOf(5), [0, 1, 2, 3, 5])
  })

  it("does not come from what never arrived", () => {
    assert.deepStrictEqual(pastOf(7), [7])
    assert.deepStrictEqual(pastOf(8), [0, 1, 2, 3, 5, 6, 8])
  })

  it("comes from faults to their nodes, and not from node to node through a fault", () => {
    assert.deepStrictEqual(pastOf(10), [7, 9, 10])
    assert.deepStrictEqual(pastOf(11), [9, 11])
  })

  it("comes from a dial to where it was accepted", () => {
    assert.deepStrictEqual(pastOf(13), [0, 1, 2, 3, 4, 5, 6, 9, 11, 12, 13])
  })

  it("is everything that any node did, for a failure that is of no node", () => {
    const failed: Event = { _tag: "Failed", at: 12, text: "" }
    const { causes } = link(traceOf([...story.events, failed]))
    const inside = past(causes, 14)
    assert.deepStrictEqual(
      inside.flatMap((isInside, index) => (isInside ? [] : [index])),
      [8],
    )
    const ofOne = link(traceOf([...story.events, { ...failed, node: "c" }]))
    assert.isFalse(past(ofOne.causes, 14)[5])
  })

  it("never comes from what is later in the trace", () => {
    for (const trace of Object.values(samples)) {
      for (const [index, before] of link(trace).causes.entries()) {
        for (const cause of before) assert.isBelow(cause, index)
      }
    }
  })
})

describe("heights", () => {
  it("grow with time, and from cause to effect within an instant", () => {
    for (const trace of Object.values(samples)) {
      const links = link(trace)
      const { height, instants, y } = heights(trace.events, links)
      assert.strictEqual(y.length, trace.events.length)
      for (const [number, { at, bottom, end, first, y: top }] of instants.entries()) {
        assert.isAbove(top, instants[number - 1]?.bottom ?? 0)
        for (let index = first; index < end; index++) {
          assert.strictEqual(trace.events[index]?.at, at)
          assert.isAtLeast(y[index] ?? 0, top)
          assert.isAtMost(y[index] ?? 0, bottom)
          for (const cause of links.causes[index] ?? []) {
            if (trace.events[index]?._tag !== "Lost") assert.isBelow(y[cause] ?? 0, y[index] ?? 0)
          }
        }
        assert.isBelow(bottom, height)
      }
    }
  })

  it("leave room between the marks of a lane", () => {
    for (const trace of Object.values(samples)) {
      const links = link(trace)
      const { y } = heights(trace.events, links)
      const last = new Map<number, number>()
      for (const [index, lane] of links.lane.entries()) {
        if (lane < beside) continue
        const above = last.get(lane)
        if (above !== undefined) assert.isAtLeast((y[index] ?? 0) - (y[above] ?? 0), 0.6 - 1e-9, `event ${index}`)
        last.set(lane, index)
      }
    }
  })

  it("fold long idle times and tell how long they were, and only these", () => {
    const busy = Array.from({ length: 20 }, (_, index) => log(index * 1000, index % 2 === 0 ? "a" : "b"))
    const rest = busy.map((event) => ({ ...event, at: event.at + 60_000_000 }))
    const trace = traceOf([...busy, ...rest])
    const { folds, height, y } = heights(trace.events, link(trace))
    assert.deepStrictEqual(
      folds.map(({ from, to }) => [from, to]),
      [[19_000, 60_000_000]],
    )
    const [fold] = folds
    assert.strictEqual(fold?.top, y[19])
    assert.strictEqual(fold?.bottom, y[20])
    assert.isBelow(height, 60)
    assert.deepStrictEqual(heights(busy, link(traceOf(busy))).folds, [])
  })

  it("are in proportion where times are not far apart", () => {
    const events = [0, 1000, 2000, 4000].map((at, index) => log(at, index % 2 === 0 ? "a" : "b"))
    const { y } = heights(events, link(traceOf(events)))
    const [p = 0, q = 0, r = 0, s = 0] = y
    assert.closeTo(r - q, q - p, 1e-9)
    assert.closeTo(s - r, 2 * (q - p), 1e-9)
  })

  it("do not mind times that go back", () => {
    const events = [log(5, "a"), log(3, "a"), log(9, "b")]
    const { instants, y } = heights(events, link(traceOf(events)))
    assert.deepStrictEqual(
      instants.map(({ at }) => at),
      [5, 9],
    )
    assert.isBelow(y[0] ?? 0, y[1] ?? 0)
  })
})

describe("messages", () => {
  it("arrive, are dropped, or are on their way", () => {
    const trace = traceOf([
      sent(0, 1, "a", "b", "Vote", "Vote", "Ping"),
      sent(0, 2, "a", "c"),
      sent(0, 3, "c", "a", "Ping"),
      { _tag: "Lost", at: 1, id: 1, times: 1 },
      arrived(2, 1),
      { _tag: "Dropped", at: 3, id: 2, why: "cut" },
      arrived(4, 77),
    ])
    assert.deepStrictEqual(messages(trace.events, link(trace)), [
      { sent: 0, end: 4, arrived: true, lost: [3], from: 0, to: 1, kinds: ["Vote", "Ping"] },
      { sent: 1, end: 5, arrived: false, lost: [], from: 0, to: 2, kinds: [""] },
      { sent: 2, end: undefined, arrived: false, lost: [], from: 2, to: 0, kinds: ["Ping"] },
    ])
  })
})

describe("states of nodes", () => {
  const statesOf = (trace: Trace, lane: number) => {
    const links = link(trace)
    return spans(trace, links, heights(trace.events, links)).flatMap((span) => (span.lane === lane ? [span.state] : []))
  }

  it("follow each other without gaps, and what paused goes on as it was", () => {
    const trace = traceOf([
      node(0, "a", "starting"),
      node(5, "a", "paused"),
      node(6, "a", "resumed"),
      node(7, "a", "running"),
      node(8, "a", "slow"),
      node(9, "a", "crashed"),
      node(10, "a", "starting"),
      node(11, "a", "running"),
      node(12, "a", "stopping"),
      node(13, "a", "stopped"),
    ])
    assert.deepStrictEqual(statesOf(trace, 0), [
      "starting",
      "paused",
      "starting",
      "running",
      "crashed",
      "starting",
      "running",
      "stopping",
      "stopped",
    ])
    const links = link(trace)
    const { height, y } = heights(trace.events, links)
    const own = spans(trace, links, { ...heights(trace.events, links) }).filter(({ lane }) => lane === 0)
    assert.strictEqual(own[0]?.top, y[0])
    assert.strictEqual(own.at(-1)?.bottom, height)
    for (const [index, span] of own.slice(1).entries()) assert.strictEqual(span.top, own[index]?.bottom)
  })

  it("are guessed for the time before the first one, if the beginning is missing", () => {
    const before = (state: Parameters<typeof node>[2]) => statesOf({ ...traceOf([node(5, "a", state)]), skipped: 9 }, 0)
    assert.deepStrictEqual(before("crashed"), ["running", "crashed"])
    assert.deepStrictEqual(before("running"), ["starting", "running"])
    assert.deepStrictEqual(before("resumed"), ["paused", "running"])
    assert.deepStrictEqual(before("starting"), ["starting"])
    assert.deepStrictEqual(statesOf({ ...traceOf([]), skipped: 9 }, 0), ["running"])
    assert.deepStrictEqual(statesOf(traceOf([node(5, "a", "running")]), 0), ["running"])
  })
})

describe("faults", () => {
  it("last until they are over, or to the end, or since before the beginning", () => {
    const trace = traceOf([
      log(0, "a"),
      fault(1, 0, "began", ["a", "b", "c"]),
      fault(2, 1, "began", ["b", "c"]),
      fault(3, 0, "over", ["a", "b", "c"]),
      fault(4, 7, "over", ["c", "a"]),
    ])
    const links = link(trace)
    const all = heights(trace.events, links)
    assert.deepStrictEqual(
      shades(trace.events, links, all).map(({ bottom, fault, from, to, top }) => ({ bottom, fault, from, to, top })),
      [
        { fault: 7, from: [2], to: [0], top: 0, bottom: all.y[4] ?? 0 },
        { fault: 0, from: [0], to: [1, 2], top: all.y[1] ?? 0, bottom: all.y[3] ?? 0 },
        { fault: 1, from: [1], to: [2], top: all.y[2] ?? 0, bottom: all.height },
      ],
    )
  })

  it("have a wall wherever one side meets the other", () => {
    assert.deepStrictEqual(walls({ from: [0], to: [1, 2] }), [0])
    assert.deepStrictEqual(walls({ from: [0, 2], to: [1, 3] }), [0, 1, 2])
    assert.deepStrictEqual(walls({ from: [0, 4], to: [2] }), [0, 2])
    assert.deepStrictEqual(walls({ from: [1, 2], to: [] }), [])
  })
})
