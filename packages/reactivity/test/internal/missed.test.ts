/**
 * The keys that wait at a writer, and a reader with its ledger and a cache, over sessions that lose their last messages.
 * For any order of events, the reader has no stale value once it has heard of everything.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { introductionMillis, Ledger } from "../../src/internal/Ledger.ts"
import { decode, encode } from "../../src/internal/messages.ts"
import { StaleKeys } from "../../src/internal/StaleKeys.ts"

const bounds = { maxKeys: 3, maxCharacters: 100 }
const keys = ["a", "b", "c", "d", "e"] as const
const name = "writer"

const steps = ["write", "read", "connect", "send", "deliver", "lose", "fail", "leave", "restart", "reopen"] as const

const Steps = Schema.Array(Schema.Tuple([Schema.Literals(steps), Schema.Literals(keys)]))

class Model {
  private readonly store = new Map<string, number>()
  private readonly cache = new Map<string, number>()
  private readonly ledger = new Ledger()
  private generation = 1
  /** Keys that wait for the reader, while there is a session. */
  private pending: StaleKeys | undefined
  private isMember = true
  private flight: Array<string> = []
  /** `true` if the reader only calls a writer failed that has stopped. Otherwise the writer may go on without a link. */
  private readonly isFailureTrue: boolean

  constructor(isFailureTrue: boolean) {
    this.isFailureTrue = isFailureTrue
    this.ledger.joined(this.life)
  }

  private get life() {
    return { name, generation: this.generation }
  }

  readonly write = (key: string): void => {
    if (this.isFailureTrue && !this.isMember) return
    this.store.set(key, (this.store.get(key) ?? 0) + 1)
    this.pending?.add(key)
  }

  readonly read = (key: string): void => {
    if (!this.cache.has(key)) this.cache.set(key, this.store.get(key) ?? 0)
  }

  readonly connect = (): void => {
    if (this.pending !== undefined) return
    this.isMember = true
    this.ledger.joined(this.life)
    this.ledger.sessionStarted(this.life, 0)
    this.reopen()
  }

  /** The writer and the reader see the lane anew. The messages on the way are lost. */
  readonly reopen = (): void => {
    this.flight = []
    this.pending = new StaleKeys(bounds)
    this.pending.merge("all")
  }

  readonly send = (): void => {
    const keys = this.pending?.take()
    if (keys !== undefined) this.flight.push(encode(keys))
  }

  readonly deliver = (): void => {
    const text = this.flight.shift()
    if (text === undefined) return
    const { end = false, keys } = Result.getOrThrow(decode(text))
    this.ledger.received(this.life, end)
    if (keys === undefined) this.cache.clear()
    else for (const key of keys) this.cache.delete(key)
  }

  readonly lose = (): void => {
    if (this.pending === undefined) return
    this.pending = undefined
    this.flight = []
    this.ledger.sessionEnded(this.life, 0)
  }

  /** The reader takes the writer for failed. */
  readonly fail = (): void => {
    this.lose()
    if (!this.isMember) return
    this.isMember = false
    if (this.ledger.gone(this.life, 0)) this.cache.clear()
  }

  /** The writer ends its channel and leaves. Some of its messages arrive. */
  readonly leave = (key: string): void => {
    if (this.pending === undefined) return
    this.flight.push(encode(this.pending.take() ?? new Set<string>(), { end: true }))
    for (let i = keys.findIndex((each) => each === key); i > 0; i--) this.deliver()
    this.fail()
    this.generation++
  }

  /** Another life of the writer replaces this one. */
  readonly restart = (): void => {
    this.fail()
    this.generation++
    this.isMember = true
    this.ledger.joined(this.life)
  }

  finish(): void {
    this.connect()
    this.send()
    while (this.flight.length > 0) this.deliver()
  }

  stale(): ReadonlyArray<string> {
    return [...this.cache].flatMap(([key, version]) => ((this.store.get(key) ?? 0) === version ? [] : [key]))
  }
}

const play = (choices: typeof Steps.Type, isFailureTrue = false): Model => {
  const model = new Model(isFailureTrue)
  for (const [step, which] of choices) model[step](which)
  return model
}

describe("a reader", () => {
  it.effect.prop(
    "holds no stale value after it has a link to a writer again, whatever was lost",
    [Steps],
    ([choices]) =>
      Effect.sync(() => {
        const model = play(choices)
        model.finish()
        assert.deepStrictEqual(model.stale(), [])
      }),
    // Some failures need five steps in one order.
    { arbitrary: { runs: 2_000 } },
  )

  it.effect.prop(
    "holds no stale value after a writer has failed, whatever was lost",
    [Steps],
    ([choices]) =>
      Effect.sync(() => {
        // A writer that is called failed and goes on is heard when it has a link again.
        const model = play(choices, true)
        model.restart()
        assert.deepStrictEqual(model.stale(), [])
      }),
    { arbitrary: { runs: 2_000 } },
  )
})

describe("a ledger", () => {
  const life = { name, generation: 1 }

  it("misses nothing if a writer leaves that has said its last", () => {
    const ledger = new Ledger()
    ledger.received(life, false)
    ledger.received(life, true)
    assert.isFalse(ledger.gone(life, 0))
    assert.strictEqual(ledger.size, 0)
  })

  it("misses something if a writer fails, and if a member fails that had no time to greet", () => {
    const ledger = new Ledger()
    ledger.received(life, false)
    assert.isTrue(ledger.gone(life, 0))
    ledger.joined(life)
    assert.isTrue(ledger.gone(life, 0))
    ledger.sessionStarted(life, 0)
    assert.isTrue(ledger.gone(life, introductionMillis - 1))
  })

  it("misses nothing if a member fails that takes no part", () => {
    const ledger = new Ledger()
    ledger.sessionStarted(life, 0)
    assert.isFalse(ledger.gone(life, introductionMillis))
    ledger.sessionStarted(life, 0)
    ledger.sessionEnded(life, introductionMillis)
    assert.isFalse(ledger.gone(life, introductionMillis))
  })

  it("finds the members that are gone in a snapshot, and those of another life", () => {
    const ledger = new Ledger()
    ledger.received(life, false)
    assert.isFalse(ledger.snapshot(new Map([[name, life]]), 0))
    assert.isTrue(ledger.snapshot(new Map([[name, { name, generation: 2 }]]), 0))
    assert.isTrue(ledger.snapshot(new Map(), 0))
    assert.strictEqual(ledger.size, 0)
  })

  it("ignores the end of a life that another one has replaced", () => {
    const ledger = new Ledger()
    ledger.joined({ name, generation: 2 })
    assert.isFalse(ledger.gone(life, 0))
    assert.strictEqual(ledger.size, 1)
  })
})
