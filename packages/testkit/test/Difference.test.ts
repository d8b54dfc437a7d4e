import { assert, describe, it } from "@effect/vitest"
import * as Difference from "../src/Difference.ts"
import type { Event, Sent, Trace } from "../src/Trace.ts"

const traceOf = (events: ReadonlyArray<Event>, skipped = 0): Trace => ({
  scenario: "one lease holder",
  seed: 7,
  nodes: ["a", "b"],
  skipped,
  events,
})

const sent = (at: number, id: number, size: number): typeof Sent.Type => ({
  _tag: "Sent",
  at,
  id,
  connection: 3,
  from: "a",
  to: "b",
  size,
})

const running: Event = { _tag: "Node", at: 1_000_000, node: "a", state: "running", life: 1 }
const arrived: Event = { _tag: "Arrived", at: 2_003_000, id: 1 }
const crashed: Event = { _tag: "Node", at: 2_004_000, node: "b", state: "crashed", life: 1 }

const events = [running, sent(2_000_000, 1, 10), arrived, crashed]

const sentence = (first: Trace, second: Trace): string => {
  const found = Difference.difference(first, second)
  return found === undefined ? assert.fail("there is a difference") : found.sentence
}

describe("two traces", () => {
  it("do not differ if all events are equal, in any order of their keys", () => {
    const others = events.map((event) => Object.fromEntries(Object.entries(event).toReversed()) as Event)
    assert.notStrictEqual(JSON.stringify(others), JSON.stringify(events))
    assert.isUndefined(Difference.difference(traceOf(events), traceOf(others)))
  })

  it("first differ at an event, which is reported with its time and its nodes", () => {
    const later = sent(2_000_500, 1, 30)
    const second = traceOf([running, later, arrived])
    assert.deepStrictEqual(Difference.difference(traceOf(events), second), {
      at: 2_000_000,
      index: 1,
      first: events[1],
      second: later,
      sentence:
        "they first differ at 2.000000 s, event 2: one has " +
        `"a sends to b: 10 bytes" at 2.000000 s, the other has "a sends to b: 30 bytes" at 2.000500 s`,
    })
    assert.strictEqual(Difference.difference(second, traceOf(events))?.at, 2_000_000)
  })

  it("differ in the content of an event", () => {
    const message = (text: string): Event => ({
      ...sent(1, 1, 10),
      messages: [{ kind: "Vote", text }],
    })
    assert.isDefined(Difference.difference(traceOf([message("for a")]), traceOf([message("for b")])))
    assert.isUndefined(Difference.difference(traceOf([message("for a")]), traceOf([message("for a")])))
  })

  it("describe arrivals, losses and drops with their sends", () => {
    const before = [running, { ...sent(1_900_000, 4, 70), connection: 1 }, sent(2_000_000, 1, 10)]
    const lost: Event = { _tag: "Lost", at: 2_003_000, id: 1, times: 1 }
    const dropped: Event = { _tag: "Dropped", at: 2_003_000, id: 1, why: "b is gone" }
    assert.include(
      sentence(traceOf([...before, arrived]), traceOf([...before, lost])),
      `"b receives from a: 10 bytes, after 3 ms"`,
    )
    assert.include(sentence(traceOf([...before, lost]), traceOf([...before, dropped])), "from a to b is lost once")
    assert.include(
      sentence(traceOf([...before, dropped]), traceOf(before)),
      "10 bytes from a to b never arrives: b is gone",
    )
  })

  it("differ at the end of the shorter one", () => {
    const short = traceOf(events.slice(0, 3))
    assert.include(sentence(traceOf(events), short), `one has "b crashed" at 2.004000 s, the other has no more events`)
    assert.include(sentence(short, traceOf(events)), `one has no more events, the other has "b crashed" at 2.004000 s`)
    assert.strictEqual(Difference.difference(short, traceOf(events))?.at, 2_004_000)
  })

  it("are compared from the first time that both of them have", () => {
    const tail = traceOf(events.slice(2), 2)
    assert.isUndefined(Difference.difference(traceOf(events), tail))
    assert.isUndefined(Difference.difference(tail, traceOf(events)))
    const found = Difference.difference(traceOf([...events.slice(0, 3), running]), tail)
    assert.strictEqual(found?.index, 3)
    assert.match(found?.sentence ?? "", /^they first differ at/)
  })

  it("may have differed earlier if their first events differ", () => {
    const tail = traceOf([running, crashed], 2)
    assert.match(
      sentence(traceOf(events), tail),
      /^they differ at or before the first event that both traces kept: at 1\.000000 s, event 3/,
    )
    assert.match(sentence(tail, traceOf(events)), /^they differ at or before /)
    assert.match(sentence(traceOf([running]), traceOf([crashed])), /^they first differ at 1\.000000 s, event 1/)
  })
})

describe("a run that differs when it is repeated", () => {
  const run = (changes: Partial<Difference.Repeated>): Difference.Repeated => ({
    scenario: "one lease holder",
    steps: 100,
    traceHash: "aaaa",
    virtualSeconds: 4.5,
    trace: traceOf(events),
    ...changes,
  })

  it("says where the two parted, and what to look for", () => {
    const { at, message } = Difference.nonDeterministic(
      7,
      run({}),
      run({ traceHash: "bbbb", trace: traceOf([running, sent(2_000_500, 1, 30)]) }),
    )
    assert.strictEqual(at, 2_000_000)
    assert.match(
      message,
      /^two runs of "one lease holder" with seed 7 differ: they first differ at 2\.000000 s, event 2: /,
    )
    assert.include(
      message,
      `the other has "a sends to b: 30 bytes" at 2.000500 s. Look for state that comes from outside`,
    )
  })

  it("says that the steps differ if the events do not", () => {
    const { at, message } = Difference.nonDeterministic(
      7,
      run({}),
      run({ traceHash: "bbbb", steps: 101, virtualSeconds: 4.25 }),
    )
    assert.strictEqual(at, 4_250_000)
    assert.include(message, "the steps between them differ: one took 100 steps and the other 101.")
    const same = Difference.nonDeterministic(7, run({}), run({ traceHash: "bbbb" }))
    assert.include(same.message, "the steps between them differ: both took 100 steps.")
  })

  it("says that the first run was different if the next two are equal", () => {
    const { message } = Difference.nonDeterministic(7, run({}), run({}))
    assert.include(message, "two more runs are equal to each other but differ from the first one")
    const untraced = Difference.nonDeterministic(7, run({ trace: undefined }), run({ trace: undefined }))
    assert.include(untraced.message, "two more runs are equal to each other")
  })

  it("asks for a trace if there is none", () => {
    const { message } = Difference.nonDeterministic(7, run({ trace: undefined }), run({ traceHash: "bbbb" }))
    assert.include(message, "run it with a trace to see the first difference.")
  })
})
