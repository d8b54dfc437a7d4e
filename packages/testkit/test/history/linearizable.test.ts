import { assert, describe, it } from "@effect/vitest"
import * as History from "../../src/History.ts"
import * as Prng from "../../src/kernel/Prng.ts"
import { below, calls, seed, type Written } from "./histories.ts"

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
 * Makes random histories that clients of a register could have observed. Each operation has its effect at one time
 * between call and return. Some clients crash before or after the effect.
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

/** Returns `true` if there is a valid order. Tries all orders. */
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
  it("may be empty or sequential", () => {
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

  it("may have overlapping calls with a valid order", () => {
    assert.deepStrictEqual(register(["a", write(1), 1, 6, 1], ["b", read, 2, 3, 1], ["c", read, 4, 5, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1, 6, 1], ["b", read, 2, 3, 0], ["c", read, 4, 5, 1]), [])
    assert.deepStrictEqual(
      register(["a", write(1), 1, 8, 1], ["b", write(2), 2, 7, 2], ["c", read, 3, 4, 2], ["c", read, 5, 6, 1]),
      [],
    )
  })

  it("may include calls with an unknown outcome at any time or never, and not failed calls", () => {
    assert.deepStrictEqual(register(["a", write(1), 1], ["b", read, 2, 3, 0], ["b", read, 4, 5, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1, 2], ["b", read, 3, 4, 0], ["b", read, 5, 6, 1]), [])
    assert.deepStrictEqual(register(["a", write(1), 1], ["b", read, 2, 3, 0]), [])
    assert.lengthOf(register(["a", write(1), 1, 2, "failed"], ["b", read, 3, 4, 1]), 1)
    assert.lengthOf(register(["a", write(1), 3], ["b", read, 1, 2, 1]), 1)
  })

  it("must not have a stale read, and the error names the end of the shortest part with one", () => {
    const stale: ReadonlyArray<Written<Op, number | boolean>> = [
      ["a", write(1), 1, 2, 1],
      ["b", read, 3, 4, 1],
      ["c", read, 5, 8, 0],
      ["a", write(2), 6, 7, 2],
      ["b", read, 9, 10, 2],
    ]
    assert.deepStrictEqual(register(...stale), [
      'no order of the 4 calls that began before 8.0 ms explains this: c called {"_tag":"read"} at 5.0 ms, ' +
        'which returned 0 at 8.0 ms. Before it: a called {"_tag":"write","value":1} at 1.0 ms, which returned 1 at 2.0 ms; ' +
        'b called {"_tag":"read"} at 3.0 ms, which returned 1 at 4.0 ms; ' +
        'a called {"_tag":"write","value":2} at 6.0 ms, which returned 2 at 7.0 ms.',
    ])
  })

  it("reports the first impossible return, and not an earlier one that had an explanation", () => {
    // Until b returns, a may have written, although the later return value of a is wrong.
    const [text] = register(["a", cas(0, 1), 1, 4, false], ["b", read, 2, 3, 1], ["c", read, 5, 6, 1])
    assert.match(text ?? "", /began before 4\.0 ms explains this: a called/)
  })

  it("must not have a read of an older value after a newer one", () => {
    assert.lengthOf(register(["a", write(1), 1], ["b", read, 2, 3, 1], ["c", read, 4, 5, 0]), 1)
  })

  it("may be of a lock, which has one holder at a time", () => {
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

  it("may have several keys, which are checked separately", () => {
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
    assert.match(apart[0] ?? "", /^y: no order of the 2 calls that began before 8\.0 ms /)
  })

  it("may be too large to check, which is reported", () => {
    // Sixteen concurrent writes without a read of their values, and a read of a value that was not written.
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
    assert.match(text ?? "", /^the history of 17 calls is too large to check: after 5000 states /)
    const small = History.linearizable(calls(["a", write(1), 1, 2, 1], ["a", read, 3, 4, 1]), History.register(0), {
      limit: 2,
    })
    assert.lengthOf(small, 1)
    assert.match(small[0] ?? "", /too large/)
  })

  it("is checked without repeating equal states", () => {
    // There are ten factorial orders, and a thousand states.
    const same = Array.from({ length: 10 }, (_, i): Written<Op, number | boolean> => ["w", write(1), i, 100 + i, 1])
    assert.match(register(...same, ["r", read, 50, 99, 2])[0] ?? "", /^no order of the \d+ calls /)
    const gone = Array.from({ length: 30 }, (_, i): Written<Op, number | boolean> => ["w", read, i])
    assert.match(register(...gone, ["r", read, 50, 99, 2])[0] ?? "", /^no order of the \d+ calls /)
  })

  it("may be long", () => {
    assert.deepStrictEqual(register(...simulated(1, { clients: 6, steps: 3_000 })), [])
  })

  it.prop("is any history of clients of one register", [seed], ([seed]) => {
    assert.deepStrictEqual(register(...simulated(seed, { clients: 4, steps: 120 })), [])
  })

  it.prop(
    "is exactly a history with a valid order, and the reported part is the shortest without one",
    [seed],
    ([seed]) => {
      const random = Prng.make(seed, "changed")
      const right = simulated(seed, { clients: 3, steps: 24 })
      // One changed answer, which may be wrong or not.
      const place = below(right.length, random)
      const changed = right.map((one, i): Written<Op, number | boolean> => {
        const [who, operation, from, to, value] = one
        if (i !== place || to === undefined || value === undefined) return one
        return [who, operation, from, to, typeof value === "boolean" ? !value : below(4, random)]
      })
      const complaints = register(...changed)
      assert.strictEqual(complaints.length === 0, orderExists(changed), complaints.join())
      if (complaints.length === 0) return
      const until = Number(/began before (\d+)(?:\.0 ms| µs)/.exec(complaints[0] ?? "")?.[1])
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
