/** A question to the cluster, with imagined members. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Report } from "@coterie/admin"
import {
  concurrency,
  type Failure,
  Question,
  relayConcurrency,
  type Requests,
  type Target,
} from "../../../src/internal/question/Question.ts"
import { requestLimit } from "../../../src/internal/question/AdminRpcs.ts"
import { row } from "../../rows.ts"

const lost: Failure = { reason: "lost", message: "the link ended" }
const noLink: Failure = { reason: "noLink", message: "no link" }

const linked = (name: string): Target => ({ name, isLinked: true, through: undefined })
const unlinked = (name: string, through?: string): Target => ({ name, isLinked: false, through })

/** Members that answer after a time, and the requests that they got. */
class Members implements Requests {
  readonly asked: Array<string> = []
  most = 0
  readonly mostOfRelay = new Map<string, number>()
  private open = 0
  private readonly openOfRelay = new Map<string, number>()
  private readonly answers: Readonly<Record<string, Effect.Effect<Report.Row, Failure>>>

  /** `answers` has the answer of each member, and of each relay as `VIA>MEMBER`. */
  constructor(answers: Readonly<Record<string, Effect.Effect<Report.Row, Failure>>>) {
    this.answers = answers
  }

  readonly row = (name: string): Effect.Effect<Report.Row, Failure> => this.request(name)

  readonly relay = (via: string, name: string): Effect.Effect<Report.Row, Failure> => {
    const change = (by: number) => {
      const now = (this.openOfRelay.get(via) ?? 0) + by
      this.openOfRelay.set(via, now)
      this.mostOfRelay.set(via, Math.max(this.mostOfRelay.get(via) ?? 0, now))
    }
    return Effect.acquireUseRelease(
      Effect.sync(() => change(1)),
      () => this.request(`${via}>${name}`),
      () => Effect.sync(() => change(-1)),
    )
  }

  private request(name: string): Effect.Effect<Report.Row, Failure> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.asked.push(name)
        this.most = Math.max(this.most, ++this.open)
      }),
      () => this.answers[name] ?? Effect.fail(noLink),
      () => Effect.sync(() => this.open--),
    )
  }
}

const after = (millis: number, answer: Effect.Effect<Report.Row, Failure>) => Effect.delay(answer, millis)
const answers = (name: string, peers: Readonly<Record<string, string>> = {}) => Effect.succeed(row(name, peers))

/** Asks, and lets time pass. */
const ask = Effect.fnUntraced(function* (members: Members, targets: ReadonlyArray<Target>, millis = 2_000) {
  const question = new Question({ targets, requests: members, deadline: Duration.millis(millis) })
  const fiber = yield* Effect.forkChild(question.ask)
  yield* TestClock.adjust(Duration.millis(millis))
  const { rows, unanswered } = yield* Fiber.join(fiber)
  return {
    rows: rows.map(({ name }) => name),
    unanswered: unanswered.map(({ name, reason }) => `${name} ${reason}`),
  }
})

describe("a question to the cluster", () => {
  it.effect("gets the rows of members with a link, and the reason of each that did not answer", () =>
    Effect.gen(function* () {
      const members = new Members({ b: answers("b"), c: Effect.fail(lost), d: Effect.never })
      assert.deepStrictEqual(yield* ask(members, [linked("b"), linked("c"), linked("d")]), {
        rows: ["b"],
        unanswered: ["c lost", "d timeout"],
      })
    }),
  )

  it.effect("reaches a member without a link through the member that reported one, before other rows arrive", () =>
    Effect.gen(function* () {
      const members = new Members({ b: after(1_000, answers("b")), "b>c": answers("c") })
      const result = yield* ask(members, [linked("b"), unlinked("c", "b")])
      assert.deepStrictEqual(result, { rows: ["c", "b"], unanswered: [] })
    }),
  )

  it.effect("reaches a member without a link through any member whose row has a link, as soon as the row arrives", () =>
    Effect.gen(function* () {
      const members = new Members({
        b: after(10, answers("b", { d: "ai" })),
        c: after(20, answers("c", { d: "au" })),
        e: Effect.never,
        "c>d": after(10, answers("d")),
      })
      const targets = [linked("b"), linked("c"), linked("e"), unlinked("d")]
      assert.deepStrictEqual(yield* ask(members, targets, 100), { rows: ["b", "c", "d"], unanswered: ["e timeout"] })
      assert.deepStrictEqual(members.asked, ["b", "c", "e", "c>d"])
    }),
  )

  it.effect("tries another relay when one fails, and at most three", () =>
    Effect.gen(function* () {
      const link = { z: "au" }
      const relays = { b: answers("b", link), c: answers("c", link), d: answers("d", link), e: answers("e", link) }
      const targets = [linked("b"), linked("c"), linked("d"), linked("e"), unlinked("z", "gone")]
      const second = new Members({ ...relays, "b>z": Effect.fail(lost), "c>z": answers("z") })
      assert.deepStrictEqual((yield* ask(second, targets)).unanswered, [])
      const none = new Members({
        ...relays,
        "b>z": Effect.fail(lost),
        "c>z": Effect.fail(lost),
        "d>z": Effect.fail(lost),
      })
      assert.deepStrictEqual((yield* ask(none, targets)).unanswered, ["z lost"])
      assert.deepStrictEqual(none.asked.slice(4), ["b>z", "c>z", "d>z"])
    }),
  )

  it.effect("asks through a relay if the link has ended since the node looked", () =>
    Effect.gen(function* () {
      const members = new Members({ b: answers("b", { c: "au" }), c: Effect.fail(noLink), "b>c": answers("c") })
      assert.deepStrictEqual((yield* ask(members, [linked("c"), linked("b")])).rows, ["b", "c"])
    }),
  )

  it.effect("ends before the deadline if no relay can have a link", () =>
    Effect.gen(function* () {
      const members = new Members({ b: after(10, answers("b")) })
      const question = new Question({
        targets: [linked("b"), unlinked("c"), unlinked("d", "c")],
        requests: members,
        deadline: Duration.seconds(2),
      })
      const fiber = yield* Effect.forkChild(question.ask)
      yield* TestClock.adjust("10 millis")
      const { unanswered } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        unanswered.map(({ name, reason }) => `${name} ${reason}`),
        ["c noLink", "d noLink"],
      )
    }),
  )

  it.effect("never uses a member as a relay that it has reached through a relay", () =>
    Effect.gen(function* () {
      const members = new Members({
        b: answers("b", { c: "au" }),
        "b>c": answers("c", { d: "au" }),
        "c>d": answers("d"),
      })
      const result = yield* ask(members, [linked("b"), unlinked("c", "b"), unlinked("d")])
      assert.deepStrictEqual(result, { rows: ["b", "c"], unanswered: ["d noLink"] })
    }),
  )

  it("and the report of a single node leave a member within its bound of requests", () => {
    assert.isAtMost(1 + relayConcurrency + 1, requestLimit)
  })

  it.effect("has a bounded number of requests under way, in all and through one relay", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 200 }, (_, i) => `m${i}`)
      const hidden = Array.from({ length: 20 }, (_, i) => `h${i}`)
      const all: Record<string, Effect.Effect<Report.Row, Failure>> = {}
      for (const name of names) all[name] = after(10, answers(name))
      for (const name of hidden) all[`m0>${name}`] = after(10, answers(name))
      const members = new Members(all)
      const targets = [...names.map(linked), ...hidden.map((name) => unlinked(name, "m0"))]
      assert.strictEqual((yield* ask(members, targets)).rows.length, 220)
      assert.strictEqual(members.most, concurrency)
      assert.strictEqual(members.mostOfRelay.get("m0"), relayConcurrency)
    }),
  )
})
