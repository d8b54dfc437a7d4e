import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as History from "../src/History.ts"
import * as Prng from "../src/kernel/Prng.ts"
import { NodeDown } from "../src/SimulationError.ts"

const seed = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))

const below = (count: number, random: Prng.Prng): number => Math.floor(random.next() * count)

describe("a history", () => {
  it.effect("has what was called, by whom and when, and how it ended", () =>
    Effect.gen(function* () {
      const history = History.make<string, number>()
      const slow = (millis: number, value: number) => Effect.delay(Effect.succeed(value), millis)
      const first = yield* Effect.forkChild(history.call("a", "one", slow(20, 1)), { startImmediately: true })
      yield* TestClock.adjust("5 millis")
      const second = yield* Effect.forkChild(history.call("b", "two", slow(5, 2)), { startImmediately: true })
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(
        history.calls().map(({ outcome, returned }) => [outcome, returned?.order]),
        [
          [{ _tag: "unknown" }, undefined],
          [{ _tag: "ok", value: 2 }, 2],
        ],
      )
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [1, 2])
      const [one, two] = history.calls()
      assert.isDefined(one)
      assert.isDefined(two)
      assert.deepStrictEqual([one?.who, one?.operation, one?.outcome], ["a", "one", { _tag: "ok", value: 1 }])
      const since = (moment: History.Moment | undefined) => (moment?.at ?? NaN) - (one?.called.at ?? NaN)
      assert.deepStrictEqual(
        [one?.called, one?.returned, two?.called, two?.returned].map((moment) => [moment?.order, since(moment)]),
        [
          [0, 0],
          [3, 20_000],
          [1, 5_000],
          [2, 10_000],
        ],
      )
    }),
  )

  it.effect("gives on what the call gives, and says `failed` only if it is sure", () =>
    Effect.gen(function* () {
      const history = History.make<string, number>()
      const down = new NodeDown({ node: "a", message: "down" })
      const failures = {
        refused: Effect.fail("refused"),
        down: Effect.fail(down),
        timeout: Effect.timeout(Effect.never, 0),
        defect: Effect.die("bug"),
        interrupt: Effect.interrupt,
        both: Effect.failCause(Cause.combine(Cause.fail("refused"), Cause.die("bug"))),
        lost: Effect.fail("lost"),
      }
      const exits: Array<string> = []
      for (const [name, effect] of Object.entries(failures)) {
        const call = history.call("c", name, effect as Effect.Effect<number, unknown>, {
          unknown: (error) => error === "lost",
        })
        const fiber = yield* Effect.forkChild(call, { startImmediately: true })
        yield* TestClock.adjust("1 millis")
        exits.push((yield* Fiber.await(fiber))._tag)
      }
      assert.deepStrictEqual(new Set(exits), new Set(["Failure"]))
      assert.deepStrictEqual(yield* Effect.exit(history.call("c", "again", failures.refused)), Exit.fail("refused"))
      assert.deepStrictEqual(
        history.calls().map(({ operation, outcome }) => [operation, outcome._tag]),
        [
          ["refused", "failed"],
          ["down", "unknown"],
          ["timeout", "unknown"],
          ["defect", "unknown"],
          ["interrupt", "unknown"],
          ["both", "unknown"],
          ["lost", "unknown"],
          ["again", "failed"],
        ],
      )
      assert.isTrue(history.calls().every(({ returned }) => returned !== undefined))
    }),
  )

  it.effect("has what was seen, by whom and when", () =>
    Effect.gen(function* () {
      const history = History.make<never, never, string>()
      yield* history.note("a", "x")
      yield* TestClock.adjust("3 millis")
      yield* history.note("b", "y")
      history.noteAt("c", "z", 7)
      const notes = history.notes()
      assert.deepStrictEqual(
        notes.map(({ moment, value, who }) => [who, value, moment.order]),
        [
          ["a", "x", 0],
          ["b", "y", 1],
          ["c", "z", 2],
        ],
      )
      assert.strictEqual((notes[1]?.moment.at ?? 0) - (notes[0]?.moment.at ?? 0), 3_000)
      assert.strictEqual(notes[2]?.moment.at, 7)
      yield* history.note("a", "later")
      assert.strictEqual(notes.length, 3)
    }),
  )

  it("takes only the first end of a call that is recorded by hand", () => {
    const history = History.make<string, number>()
    const one = history.invoke("a", "one", 10)
    const two = history.invoke("a", "two", 20)
    two.failed("no", 30)
    one.ok(1, 40)
    one.unknown(50)
    two.ok(2, 60)
    history.invoke("a", "three", 70).unknown(80)
    assert.deepStrictEqual(
      history.calls().map(({ called, outcome, returned }) => [called.at, outcome, returned?.at]),
      [
        [10, { _tag: "ok", value: 1 }, 40],
        [20, { _tag: "failed", error: "no" }, 30],
        [70, { _tag: "unknown" }, 80],
      ],
    )
  })

  it("gives the values of the calls that returned as notes", () => {
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

/** A message, as `a1`: the first of a. */
const heard = (...all: ReadonlyArray<readonly [who: string, message: string]>): ReadonlyArray<History.Note<string>> =>
  all.map(([who, value], order) => ({ who, value, moment: { at: order * 1_000_000, order } }))

const numbered = { sender: (text: string) => text.slice(0, 1), number: (text: string) => Number(text.slice(1)) }

describe("checks of what was seen", () => {
  const good = heard(["x", "a1"], ["y", "a1"], ["x", "b1"], ["x", "a2"], ["y", "a2"], ["x", "a3"], ["y", "b1"])

  it("are content with what is right", () => {
    assert.deepStrictEqual(History.atMostOnce(good, String), [])
    assert.deepStrictEqual(History.perSenderOrder(good, numbered), [])
    assert.deepStrictEqual(History.noGap(good, numbered), [])
    assert.deepStrictEqual(History.uniqueIds(heard(["x", "1"], ["y", "2"]), String), [])
    assert.deepStrictEqual(
      History.monotone(good, { key: (text, who) => who + numbered.sender(text), value: numbered.number }),
      [],
    )
  })

  it("find what somebody got twice, but not what two got", () => {
    assert.deepStrictEqual(
      History.atMostOnce([...good, ...heard(["z", "a1"], ["z", "b1"], ["z", "a1"], ["z", "a1"])], String),
      ['z got "a1" 3 times: at 0 µs, at 2.000 s, at 3.000 s'],
    )
  })

  it("find identifiers that two have, or one has twice", () => {
    assert.deepStrictEqual(
      History.uniqueIds(heard(["x", "7"], ["y", "7"], ["x", "8"], ["x", "8"], ["x", "9"]), Number),
      ["7 was made 2 times: by x at 0 µs, by y at 1.000 s", "8 was made 2 times: by x at 2.000 s, by x at 3.000 s"],
    )
  })

  it("find what was heard out of order, per sender and per who heard it", () => {
    const notes = heard(["x", "a2"], ["y", "a1"], ["x", "b1"], ["x", "a2"], ["x", "a1"], ["y", "a3"], ["x", "a3"])
    assert.deepStrictEqual(History.perSenderOrder(notes, numbered), ["x heard 1 of a after 2, at 4.000 s"])
  })

  it("find gaps, however they came to be, and not what comes late or again", () => {
    assert.deepStrictEqual(History.noGap(heard(["x", "a2"], ["x", "a1"], ["x", "a2"], ["x", "a3"]), numbered), [])
    assert.deepStrictEqual(
      History.noGap(heard(["x", "a1"], ["x", "a4"], ["x", "a6"], ["y", "a2"], ["y", "b1"]), numbered),
      ["x never heard 2, 3, 5 of a, but heard 6", "y never heard 1 of a, but heard 2"],
    )
    assert.deepStrictEqual(History.noGap(heard(["x", "a0"], ["x", "a1"]), { ...numbered, first: 0 }), [])
    assert.deepStrictEqual(History.noGap(heard(["x", "a1"]), { ...numbered, first: 0 }), [
      "x never heard 0 of a, but heard 1",
    ])
    assert.deepStrictEqual(History.noGap(heard(["x", "a1000000000"]), numbered), [
      "x never heard 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 999999989 more of a, but heard 1000000000",
    ])
  })

  it("find values that went back, per key", () => {
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

  it.prop("find exactly what was planted into what is right", [seed], ([seed]) => {
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

  it("compare what events add up to with a snapshot, and say where it differs", () => {
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

/** Calls written as `[who, operation, from, to, value]`; without an end, or with one and no value, nobody knows. */
type Written<Operation, Value> = readonly [
  who: string,
  operation: Operation,
  from: number,
  to?: number,
  value?: Value | "failed",
]

const calls = <Operation, Value>(
  ...written: ReadonlyArray<Written<Operation, Value>>
): ReadonlyArray<History.Call<Operation, Value>> =>
  written.map(([who, operation, from, to, value]) => ({
    who,
    operation,
    called: { at: from * 1000, order: from },
    returned: to === undefined ? undefined : { at: to * 1000, order: to },
    outcome:
      value === undefined
        ? { _tag: "unknown" }
        : value === "failed"
          ? { _tag: "failed", error: "no" }
          : { _tag: "ok", value },
  }))

describe("a counter that only grows", () => {
  const model = {
    add: (operation: number | "read") => (operation === "read" ? undefined : operation),
    read: (value: number) => value,
  }
  const check = (...written: ReadonlyArray<Written<number | "read", number>>) =>
    History.counter(calls(...written), model)

  it("may give anything between what was acknowledged and what was tried", () => {
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

  it("may not lose what was acknowledged, nor have what nobody added", () => {
    assert.deepStrictEqual(check(["a", 2, 1, 2, 0], ["c", "read", 3, 4, 1]), [
      'c called "read" at 3.0 ms, which returned 1 at 4.0 ms: 2 was acknowledged before',
    ])
    assert.deepStrictEqual(check(["a", 2, 1, 2, 0], ["c", "read", 3, 4, 3], ["b", 5, 5, 6, 0]), [
      'c called "read" at 3.0 ms, which returned 3 at 4.0 ms: no more than 2 was added by then, nor tried to be',
    ])
    assert.deepStrictEqual(check(["a", 2, 1, 4, 0], ["c", "read", 3, 5, 0]), [])
  })

  it("may have what nobody knows of, and not what failed", () => {
    assert.deepStrictEqual(check(["a", 2, 1], ["b", 3, 2, 3], ["c", "read", 4, 5, 5], ["c", "read", 6, 7, 0]), [])
    assert.lengthOf(check(["a", 2, 1, 2, "failed"], ["c", "read", 3, 4, 2]), 1)
    assert.deepStrictEqual(check(["a", 2, 1, 2, "failed"], ["c", "read", 3, 4, 0]), [])
    assert.deepStrictEqual(check(["c", "read", 1], ["c", "read", 3, 4, "failed"]), [])
  })
})

type Op = History.RegisterOperation<number>
const read: Op = { _tag: "read" }
const write = (value: number): Op => ({ _tag: "write", value })
const cas = (expected: number, value: number): Op => ({ _tag: "compareAndSet", expected, value })

const register = (...written: ReadonlyArray<Written<Op, number | boolean>>) =>
  History.linearizable(calls(...written), History.register(0))

interface Client {
  readonly who: string
  pending:
    | { readonly at: number; readonly operation: Op; effect: number | undefined; value: number | boolean }
    | undefined
}

/**
 * What clients of a register could have seen, by chance: each operation has its effect at one moment between call and
 * return. Some clients die on the way, before or after the effect.
 */
const simulated = (
  seed: number,
  options: { readonly clients: number; readonly steps: number },
): ReadonlyArray<Written<Op, number | boolean>> => {
  const random = Prng.make(seed, "register")
  const model = History.register(0)
  let state = 0
  let names = 0
  const client = (): Client => ({ who: `c${names++}`, pending: undefined })
  const clients = Array.from({ length: options.clients }, client)
  const written: Array<Written<Op, number | boolean>> = []
  for (let now = 0; now < options.steps; now++) {
    const place = below(clients.length, random)
    const one = clients[place]
    if (one === undefined) continue
    const { pending } = one
    if (pending === undefined) {
      const [a, b] = [below(4, random), below(4, random)]
      const operation = [read, write(a), cas(a, b)][below(3, random)] ?? read
      one.pending = { at: now, operation, effect: undefined, value: 0 }
    } else if (random.next() < 0.08) {
      written.push([one.who, pending.operation, pending.at])
      clients[place] = client()
    } else if (pending.effect === undefined) {
      const [next, value] = model.step(state, pending.operation, one.who)
      state = next
      one.pending = { ...pending, effect: now, value }
    } else {
      written.push([one.who, pending.operation, pending.at, now, pending.value])
      one.pending = undefined
    }
  }
  for (const { pending, who } of clients) if (pending !== undefined) written.push([who, pending.operation, pending.at])
  return written
}

/** Whether there is an order, by trying all of them. */
const orderExists = (written: ReadonlyArray<Written<Op, number | boolean>>): boolean => {
  const model = History.register(0)
  const search = (state: number, left: ReadonlyArray<Written<Op, number | boolean>>): boolean => {
    const ended = left.filter(([, , , , value]) => value !== undefined)
    if (ended.length === 0) return true
    const soonest = Math.min(...ended.map(([, , , to]) => to ?? Infinity))
    return left.some((one) => {
      const [who, operation, from, , value] = one
      if (from > soonest) return false
      const [next, given] = model.step(state, operation, who)
      if (value !== undefined && value !== given) return false
      return search(
        next,
        left.filter((other) => other !== one),
      )
    })
  }
  return search(0, written)
}

describe("a linearizable history", () => {
  it("may be nothing, or one call after the other", () => {
    assert.deepStrictEqual(register(), [])
    assert.deepStrictEqual(
      register(
        ["a", write(1), 1, 2, 1],
        ["b", read, 3, 4, 1],
        ["a", cas(1, 2), 5, 6, true],
        ["b", cas(1, 3), 7, 8, false],
        ["b", read, 9, 10, 2],
      ),
      [],
    )
  })

  it("may have calls that overlap, in the order that fits", () => {
    assert.deepStrictEqual(register(["a", write(1), 1, 6, 1], ["b", read, 2, 3, 1], ["c", read, 4, 5, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1, 6, 1], ["b", read, 2, 3, 0], ["c", read, 4, 5, 1]), [])
    assert.deepStrictEqual(
      register(["a", write(1), 1, 8, 1], ["b", write(2), 2, 7, 2], ["c", read, 3, 4, 2], ["c", read, 5, 6, 1]),
      [],
    )
  })

  it("may have what nobody knows of, at any time or never, and not what failed", () => {
    assert.deepStrictEqual(register(["a", write(1), 1], ["b", read, 2, 3, 0], ["b", read, 4, 5, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1, 2], ["b", read, 3, 4, 0], ["b", read, 5, 6, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1], ["b", read, 2, 3, 0]), [])
    assert.lengthOf(register(["a", write(1), 1, 2, "failed"], ["b", read, 3, 4, 1]), 1)
    assert.lengthOf(register(["a", write(1), 3], ["b", read, 1, 2, 1]), 1)
  })

  it("has no stale read, and says up to where the shortest part goes that has one", () => {
    const stale: ReadonlyArray<Written<Op, number | boolean>> = [
      ["a", write(1), 1, 2, 1],
      ["b", read, 3, 4, 1],
      ["c", read, 5, 8, 0],
      ["a", write(2), 6, 7, 2],
      ["b", read, 9, 10, 2],
    ]
    assert.deepStrictEqual(register(...stale), [
      'the 4 calls until at 8.0 ms cannot be put into any order that explains this: c called {"_tag":"read"} at 5.0 ms, ' +
        'which returned 0 at 8.0 ms. Before it: a called {"_tag":"write","value":1} at 1.0 ms, which returned 1 at 2.0 ms; ' +
        'b called {"_tag":"read"} at 3.0 ms, which returned 1 at 4.0 ms; ' +
        'a called {"_tag":"write","value":2} at 6.0 ms, which returned 2 at 7.0 ms.',
    ])
  })

  it("blames the first return that cannot be, and not one that could still have been explained", () => {
    // Until b returns, a may have written, although what a returns later is wrong.
    const [text] = register(["a", cas(0, 1), 1, 4, false], ["b", read, 2, 3, 1], ["c", read, 5, 6, 1])
    assert.match(text ?? "", /until at 4\.0 ms cannot .* explains this: a called/)
  })

  it("knows that a read may not go back", () => {
    assert.lengthOf(register(["a", write(1), 1], ["b", read, 2, 3, 1], ["c", read, 4, 5, 0]), 1)
  })

  it("may be that of a lock, held by one at a time", () => {
    const check = (...written: ReadonlyArray<Written<"acquire" | "release", boolean>>) =>
      History.linearizable(calls(...written), History.lock)
    assert.deepStrictEqual(
      check(
        ["a", "acquire", 1, 2, true],
        ["b", "acquire", 3, 6, true],
        ["a", "release", 4, 5, true],
        ["b", "release", 7, 8, true],
        ["b", "release", 9, 10, false],
      ),
      [],
    )
    assert.lengthOf(check(["a", "acquire", 1, 2, true], ["b", "acquire", 3, 4, true]), 1)
    assert.lengthOf(check(["a", "acquire", 1, 2, true], ["b", "acquire", 3, 4, false], ["b", "release", 5, 6, true]), 1)
    assert.lengthOf(check(["a", "acquire", 1, 2, false]), 1)
    assert.deepStrictEqual(check(["a", "acquire", 1], ["b", "acquire", 2, 3, false]), [])
  })

  it("may be about several things, which are checked apart", () => {
    interface Put {
      readonly key: string
      readonly value?: number
    }
    const model: History.Model<number, Put, number> = {
      initial: 0,
      step: (state, { value = state }) => [value, value],
    }
    const history = calls<Put, number>(
      ["a", { key: "x", value: 1 }, 1, 2, 1],
      ["a", { key: "y" }, 3, 4, 0],
      ["b", { key: "x" }, 5, 6, 1],
      ["b", { key: "y" }, 7, 8, 9],
    )
    assert.lengthOf(History.linearizable(history, model), 1)
    const apart = History.linearizable(history, model, { about: ({ key }) => key })
    assert.lengthOf(apart, 1)
    assert.match(apart[0] ?? "", /^y: the 2 calls until at 8\.0 ms /)
  })

  it("may be too large, and then that is said", () => {
    // Sixteen writes at once, of which nobody saw anything, and a value that nobody wrote.
    const writes = Array.from({ length: 16 }, (_, i): Written<Op, number | boolean> => [
      "w",
      write(i + 1),
      i,
      100 + i,
      i + 1,
    ])
    const [text, ...more] = History.linearizable(
      calls(...writes, ["r", read, 50, 99, 77]),
      History.register<number>(0),
      { limit: 5_000 },
    )
    assert.deepStrictEqual(more, [])
    assert.match(text ?? "", /^the history of 17 calls is too large to be checked: .* among 5000 situations/)
    const small = History.linearizable(calls(["a", write(1), 1, 2, 1], ["a", read, 3, 4, 1]), History.register(0), {
      limit: 2,
    })
    assert.lengthOf(small, 1)
    assert.match(small[0] ?? "", /too large/)
  })

  it("does not try again what comes to the same", () => {
    // Ten factorial orders, and a thousand situations.
    const same = Array.from({ length: 10 }, (_, i): Written<Op, number | boolean> => ["w", write(1), i, 100 + i, 1])
    assert.match(register(...same, ["r", read, 50, 99, 2])[0] ?? "", /cannot be put into any order/)
    const gone = Array.from({ length: 30 }, (_, i): Written<Op, number | boolean> => ["w", read, i])
    assert.match(register(...gone, ["r", read, 50, 99, 2])[0] ?? "", /cannot be put into any order/)
  })

  it("may be long", () => {
    assert.deepStrictEqual(register(...simulated(1, { clients: 6, steps: 3_000 })), [])
  })

  it.prop("is what clients of one register see", [seed], ([seed]) => {
    assert.deepStrictEqual(register(...simulated(seed, { clients: 4, steps: 120 })), [])
  })

  it.prop(
    "is exactly one that has an order, and the part that is blamed is the shortest that has none",
    [seed],
    ([seed]) => {
      const random = Prng.make(seed, "changed")
      const right = simulated(seed, { clients: 3, steps: 24 })
      // One answer is another one now, which may be wrong or not.
      const place = below(right.length, random)
      const changed = right.map((one, i): Written<Op, number | boolean> => {
        const [who, operation, from, to, value] = one
        if (i !== place || to === undefined || value === undefined) return one
        return [who, operation, from, to, typeof value === "boolean" ? !value : below(4, random)]
      })
      const complaints = register(...changed)
      assert.strictEqual(complaints.length === 0, orderExists(changed), complaints.join())
      if (complaints.length === 0) return
      const until = Number(/until at (\d+)(?:\.0 ms| µs)/.exec(complaints[0] ?? "")?.[1])
      assert.isTrue(Number.isSafeInteger(until))
      const before = (end: number) =>
        changed
          .filter(([, , from]) => from <= end)
          .map((one): Written<Op, number | boolean> => {
            const [who, operation, from, to = Infinity] = one
            return to <= end ? one : [who, operation, from]
          })
      assert.isFalse(orderExists(before(until)))
      assert.isTrue(orderExists(before(until - 1)))
    },
    { arbitrary: { runs: 200 } },
  )
})
