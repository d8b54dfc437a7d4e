import { assert, describe, it } from "@effect/vitest"
import * as History from "../../src/History.ts"
import * as Prng from "../../src/kernel/Prng.ts"
import { below, calls, seed, type Written } from "./histories.ts"

describe("the values of the calls that returned", () => {
  it("are returned as notes", () => {
    const history = History.make<string, number>()
    const [one, two, three] = ["one", "two", "three"].map((name, i) => history.invoke(name, name, i))
    two?.ok(2, 10)
    one?.ok(1, 11)
    three?.failed("no", 12)
    history.invoke("four", "four", 13)
    assert.deepStrictEqual(History.returns(history.calls()), [
      { who: "one", value: 1, moment: { at: 11, order: 4 } },
      { who: "two", value: 2, moment: { at: 10, order: 3 } },
    ])
  })
})

/** Makes notes of received messages. The message `a1` is the first of a. */
const heard = (...all: ReadonlyArray<readonly [who: string, message: string]>): ReadonlyArray<History.Note<string>> =>
  all.map(([who, value], order) => ({ who, value, moment: { at: order * 1_000_000, order } }))

const numbered = { sender: (text: string) => text.slice(0, 1), number: (text: string) => Number(text.slice(1)) }

describe("checks of notes", () => {
  const good = heard(["x", "a1"], ["y", "a1"], ["x", "b1"], ["x", "a2"], ["y", "a2"], ["x", "a3"], ["y", "b1"])

  it("accept correct notes", () => {
    assert.deepStrictEqual(History.atMostOnce(good, String), [])
    assert.deepStrictEqual(History.perSenderOrder(good, numbered), [])
    assert.deepStrictEqual(History.noGap(good, numbered), [])
    assert.deepStrictEqual(History.uniqueIds(heard(["x", "1"], ["y", "2"]), String), [])
    assert.deepStrictEqual(
      History.monotone(good, { key: (text, who) => who + numbered.sender(text), value: numbered.number }),
      [],
    )
  })

  it("find a message that one node received twice, but not a message that two nodes received", () => {
    assert.deepStrictEqual(
      History.atMostOnce([...good, ...heard(["z", "a1"], ["z", "b1"], ["z", "a1"], ["z", "a1"])], String),
      ['z got "a1" 3 times: at 0 µs, at 2.000 s, at 3.000 s'],
    )
  })

  it("find identifiers that were made twice, by one node or by two", () => {
    assert.deepStrictEqual(
      History.uniqueIds(heard(["x", "7"], ["y", "7"], ["x", "8"], ["x", "8"], ["x", "9"]), Number),
      ["7 was made 2 times: by x at 0 µs, by y at 1.000 s", "8 was made 2 times: by x at 2.000 s, by x at 3.000 s"],
    )
  })

  it("find messages out of order, per sender and receiver", () => {
    const notes = heard(["x", "a2"], ["y", "a1"], ["x", "b1"], ["x", "a2"], ["x", "a1"], ["y", "a3"], ["x", "a3"])
    assert.deepStrictEqual(History.perSenderOrder(notes, numbered), ["x got 1 of a after 2, at 4.000 s"])
  })

  it("find gaps of any kind, and ignore late and duplicated messages", () => {
    assert.deepStrictEqual(History.noGap(heard(["x", "a2"], ["x", "a1"], ["x", "a2"], ["x", "a3"]), numbered), [])
    assert.deepStrictEqual(
      History.noGap(heard(["x", "a1"], ["x", "a4"], ["x", "a6"], ["y", "a2"], ["y", "b1"]), numbered),
      ["x never got 2, 3, 5 of a, but got 6", "y never got 1 of a, but got 2"],
    )
    assert.deepStrictEqual(History.noGap(heard(["x", "a0"], ["x", "a1"]), { ...numbered, first: 0 }), [])
    assert.deepStrictEqual(History.noGap(heard(["x", "a1"]), { ...numbered, first: 0 }), [
      "x never got 0 of a, but got 1",
    ])
    assert.deepStrictEqual(History.noGap(heard(["x", "a1000000000"]), numbered), [
      "x never got 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 999999989 more of a, but got 1000000000",
    ])
  })

  it("find values that decreased, per key", () => {
    const notes = heard(["x", "a1"], ["y", "a5"], ["x", "a2"], ["x", "b7"], ["x", "a2"], ["y", "a4"], ["x", "a3"])
    const value = numbered.number
    assert.deepStrictEqual(
      History.monotone(notes, { key: (text, who) => `${numbered.sender(text)} at ${who}`, value }),
      ["a at y went back from 5 to 4, seen by y at 5.000 s"],
    )
    assert.deepStrictEqual(History.monotone(notes, { key: numbered.sender, value }), [
      "a went back from 5 to 2, seen by x at 2.000 s",
      "a went back from 4 to 3, seen by x at 6.000 s",
    ])
  })

  it.prop("find exactly the errors that were added to correct notes", [seed], ([seed]) => {
    const random = Prng.make(seed, "planted")
    const last = new Map<string, number>()
    const right = Array.from({ length: 40 }, () => {
      const [who, sender] = ["xyz"[below(3, random)] ?? "", "abc"[below(3, random)] ?? ""]
      const number = (last.get(who + sender) ?? 0) + 1
      last.set(who + sender, number)
      return [who, `${sender}${number}`] as readonly [string, string]
    })
    const checks = (notes: ReadonlyArray<History.Note<string>>) => [
      History.atMostOnce(notes, String).length,
      History.perSenderOrder(notes, numbered).length,
      History.noGap(notes, numbered).length,
    ]
    assert.deepStrictEqual(checks(heard(...right)), [0, 0, 0])
    const place = below(right.length, random)
    const [who, message] = right[place] ?? ["", ""]
    assert.deepStrictEqual(checks(heard(...right.toSpliced(place, 0, [who, message]))), [1, 0, 0])
    const next = `${numbered.sender(message)}${numbered.number(message) + 1}`
    if (!right.some(([other, text]) => other === who && text === next)) return
    assert.deepStrictEqual(checks(heard(...right.toSpliced(place, 1))), [0, 0, 1])
    const swapped = right.map(([other, text]) => {
      if (other !== who || (text !== message && text !== next)) return [other, text] as const
      return [other, text === message ? next : message] as const
    })
    assert.deepStrictEqual(checks(heard(...swapped)), [0, 1, 0])
  })

  it("compare the fold of events with a snapshot, and report the place of a difference", () => {
    interface State {
      readonly members: { readonly [name: string]: number }
      readonly version: number
    }
    const initial: State = { members: {}, version: 0 }
    const fold = ({ members, version }: State, name: string): State => ({
      members: { ...members, [name]: (members[name] ?? 0) + 1 },
      version: version + 1,
    })
    const events = ["a", "b", "a"]
    const check = (snapshot: State) => History.foldEquals(events, snapshot, { initial, fold })
    assert.deepStrictEqual(check({ version: 3, members: { b: 1, a: 2 } }), [])
    assert.deepStrictEqual(check({ version: 3, members: { b: 1, a: 3 } }), [
      "the 3 events do not add up to the snapshot: members.a is 2 and not 3",
    ])
    assert.deepStrictEqual(check({ version: 3, members: { a: 2, b: 1, c: 1 } }), [
      "the 3 events do not add up to the snapshot: members.c is undefined and not 1",
    ])
    const add = (sum: number, event: string) => sum + event.length
    assert.deepStrictEqual(History.foldEquals(events, 4, { initial: 0, fold: add }), [
      "the 3 events do not add up to the snapshot: 3 and not 4",
    ])
    assert.deepStrictEqual(History.foldEquals(events, 4, { initial: 0, fold: add, equals: (a, b) => a + 1 === b }), [])
    const names = (set: ReadonlySet<string>, event: string) => new Set([...set, event])
    const folded = { initial: new Set<string>(), fold: names }
    assert.deepStrictEqual(History.foldEquals(events, new Set(["b", "a"]), folded), [])
    assert.deepStrictEqual(History.foldEquals(events, new Set(["b"]), folded), [
      'the 3 events do not add up to the snapshot: Set(["a","b"]) and not Set(["b"])',
    ])
  })
})

describe("a counter that only grows", () => {
  const model = {
    add: (operation: number | "read") => (operation === "read" ? undefined : operation),
    read: (value: number) => value,
  }
  const check = (...written: ReadonlyArray<Written<number | "read", number>>) =>
    History.counter(calls(...written), model)

  it("may return any value between the acknowledged and the attempted additions", () => {
    assert.deepStrictEqual(
      check(
        ["a", 2, 1, 2, 0],
        ["b", 3, 3, 8, 0],
        ["c", "read", 4, 5, 2],
        ["c", "read", 6, 7, 5],
        ["d", "read", 9, 10, 5],
      ),
      [],
    )
  })

  it("must not lose acknowledged additions, and must not exceed the attempted ones", () => {
    assert.deepStrictEqual(check(["a", 2, 1, 2, 0], ["c", "read", 3, 4, 1]), [
      'c called "read" at 3.0 ms, which returned 1 at 4.0 ms: 2 was acknowledged before',
    ])
    assert.deepStrictEqual(check(["a", 2, 1, 2, 0], ["c", "read", 3, 4, 3], ["b", 5, 5, 6, 0]), [
      'c called "read" at 3.0 ms, which returned 3 at 4.0 ms: at most 2 was added or attempted by then',
    ])
    assert.deepStrictEqual(check(["a", 2, 1, 4, 0], ["c", "read", 3, 5, 0]), [])
  })

  it("may include additions with an unknown outcome, and not failed ones", () => {
    assert.deepStrictEqual(check(["a", 2, 1], ["b", 3, 2, 3], ["c", "read", 4, 5, 5], ["c", "read", 6, 7, 0]), [])
    assert.lengthOf(check(["a", 2, 1, 2, "failed"], ["c", "read", 3, 4, 2]), 1)
    assert.deepStrictEqual(check(["a", 2, 1, 2, "failed"], ["c", "read", 3, 4, 0]), [])
    assert.deepStrictEqual(check(["c", "read", 1], ["c", "read", 3, 4, "failed"]), [])
  })
})
