import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import { linesPerSubject } from "../../../../core/src/internal/LineBudget.ts"
import * as LogBudget from "../../../../core/src/internal/LogBudget.ts"
import * as ClientSessions from "../../../src/internal/server/ClientSessions.ts"
import { ServerInput } from "../../../src/internal/server/ServerInput.ts"
import { FakeLane, giveUp, message, sendError, serialization } from "../FakeLane.ts"
import { FakeMetrics } from "../FakeMetrics.ts"

const setUp = Effect.gen(function* () {
  const fake = new FakeLane()
  const input = new ServerInput()
  const passed: Array<unknown> = []
  input.open((clientId, each) => Effect.sync(() => void passed.push([clientId, each])))
  const scope = yield* Effect.scope
  const counts = new FakeMetrics()
  const sessions = yield* ClientSessions.make({
    log: yield* LogBudget.make,
    responses: fake.lane,
    serialization,
    input,
    limit: 10,
    metrics: counts.requests("in"),
    scope,
  })
  const open = (session: number, from = "a") => Effect.sync(() => sessions.sessionOf(message("", { from, session })))
  return { counts, fake, input, open, passed, sessions }
})

const exit: FromServerEncoded = { _tag: "Exit", requestId: "1", exit: { _tag: "Success", value: 4 } }

/** Yields often enough for all fibers to run. */
const settle = Effect.forEach([1, 2, 3], () => Effect.yieldNow, { discard: true })

describe("the sessions of clients", () => {
  it.effect("open with their first message, each with its own client id", () =>
    Effect.gen(function* () {
      const { open, sessions } = yield* setUp
      const [one, other] = [yield* open(10), yield* open(11)]
      assert.strictEqual(yield* open(10), one)
      assert.notStrictEqual(one.clientId, other.clientId)
      assert.strictEqual(sessions.get(one.clientId), one)
      assert.deepStrictEqual(sessions.clientIds, new Set([one.clientId, other.clientId]))
    }),
  )

  it.effect("send responses to their peers, and a peer that takes no responses does not delay the others", () =>
    Effect.gen(function* () {
      const { fake, open } = yield* setUp
      const [slow, other] = [yield* open(10, "slow"), yield* open(11, "other")]
      fake.outcome = Effect.never
      slow.respond(exit)
      slow.respond(exit)
      yield* settle
      fake.outcome = Effect.succeed({ session: 1 })
      other.respond(exit)
      yield* settle
      assert.deepStrictEqual(
        fake.sent.map(([peer]) => peer),
        ["slow", "other"],
      )
    }),
  )

  it.effect("disconnect their client once when they end, and send nothing more to it", () =>
    Effect.gen(function* () {
      const { fake, open, sessions } = yield* setUp
      const client = yield* open(10)
      sessions.end(10)
      sessions.end(10)
      client.respond(exit)
      yield* settle
      assert.deepStrictEqual(yield* Queue.takeAll(sessions.disconnects), [client.clientId])
      assert.isUndefined(sessions.get(client.clientId))
      assert.deepStrictEqual(fake.sent, [])
      assert.notStrictEqual(yield* open(10), client)
    }),
  )

  it.effect("disconnect a client once if its session ends while a response fails with NotReading", () =>
    Effect.gen(function* () {
      const { fake, open, sessions } = yield* setUp
      const client = yield* open(10)
      fake.outcome = Effect.suspend(() => {
        sessions.end(10)
        return Effect.fail(sendError("NotReading"))
      }).pipe(Effect.uninterruptible)
      client.respond(exit)
      yield* settle
      assert.deepStrictEqual(yield* Queue.takeAll(sessions.disconnects), [client.clientId])
    }),
  )

  it.effect("all end with endAll", () =>
    Effect.gen(function* () {
      const { open, sessions } = yield* setUp
      const ids = [(yield* open(10)).clientId, (yield* open(11)).clientId]
      sessions.endAll("SessionEnded")
      assert.deepStrictEqual(yield* Queue.takeAll(sessions.disconnects), ids)
      assert.strictEqual(sessions.clientIds.size, 0)
    }),
  )

  it.effect("end when the peer reads no responses, and not when it cannot be reached", () =>
    Effect.gen(function* () {
      const { fake, open, sessions } = yield* setUp
      const client = yield* open(10)
      fake.outcome = Effect.fail(sendError("NotConnected"))
      client.respond(exit)
      yield* settle
      assert.strictEqual(sessions.get(client.clientId), client)
      fake.outcome = Effect.fail(sendError("NotReading"))
      client.respond(exit)
      yield* settle
      assert.isUndefined(sessions.get(client.clientId))
    }),
  )

  it.effect("give up a request whose response is too large, and interrupt its handler", () =>
    Effect.gen(function* () {
      const { fake, open, passed } = yield* setUp
      const client = yield* open(10)
      fake.outcome = Effect.suspend(() => {
        fake.outcome = Effect.succeed({ session: 1 })
        return Effect.fail(sendError("TooLarge"))
      })
      client.respond(exit)
      yield* settle
      const interrupt = { _tag: "Interrupt", requestId: "1" }
      assert.deepStrictEqual(passed, [[client.clientId, interrupt]])
      assert.deepStrictEqual(fake.takeSent().slice(1), [giveUp("1", { _tag: "ResponseTooLarge", bytes: 2, limit: 1 })])
    }).pipe(Effect.provide(Logger.layer([]))),
  )

  it.effect("make the client confirm its requests if a defect, which ended them, is too large", () =>
    Effect.gen(function* () {
      const { fake, open } = yield* setUp
      const client = yield* open(10)
      fake.outcome = Effect.suspend(() => {
        fake.outcome = Effect.succeed({ session: 1 })
        return Effect.fail(sendError("TooLarge"))
      })
      client.respond({ _tag: "Defect", defect: "a bug" })
      yield* settle
      yield* settle
      assert.deepStrictEqual(fake.takeSent().slice(1), [{ _tag: "Eof" }])
    }),
  )

  it.effect("send the responses after one that is too large though Effect's server has stopped", () =>
    Effect.gen(function* () {
      const { fake, input, open } = yield* setUp
      const client = yield* open(10)
      input.open(() => Effect.interrupt)
      fake.outcome = Effect.suspend(() => {
        fake.outcome = Effect.succeed({ session: 1 })
        return Effect.fail(sendError("TooLarge"))
      })
      client.respond(exit)
      client.respond({ ...exit, requestId: "2" })
      yield* settle
      yield* settle
      assert.deepInclude(fake.takeSent().slice(1), { ...exit, requestId: "2" })
    }).pipe(Effect.provide(Logger.layer([]))),
  )

  it.effect("log one response that is too large, and not further ones", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { fake, open, passed } = yield* setUp
      const client = yield* open(10)
      fake.outcome = Effect.fail(sendError("TooLarge"))
      for (let i = 0; i < 5; i++) {
        client.respond(exit)
        yield* settle
      }
      assert.strictEqual(passed.length, 5)
      assert.strictEqual(lines.length, 1)
      const other = yield* open(11)
      other.respond(exit)
      yield* settle
      assert.strictEqual(lines.length, 2)
      for (const line of lines) assert.match(line, / peer=a generation=\d+$/)
    }).pipe(Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])))
  })

  it.effect("have a budget of lines about responses that are too large, in all sessions of a peer", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const { fake, open } = yield* setUp
      fake.outcome = Effect.fail(sendError("TooLarge"))
      for (let session = 1; session <= linesPerSubject + 5; session++) {
        const client = yield* open(session)
        client.respond(exit)
        yield* settle
      }
      assert.strictEqual(lines.filter((line) => line.includes("was not sent")).length, linesPerSubject)
    }).pipe(Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])))
  })

  it.effect("end their requests with the reason of their own end", () =>
    Effect.gen(function* () {
      const { counts, fake, open, sessions } = yield* setUp
      ;(yield* open(10)).addRequest("1")
      ;(yield* open(11)).addRequest("1")
      const deaf = yield* open(12)
      deaf.addRequest("1")
      sessions.end(10)
      assert.deepStrictEqual(counts.values, { "total in": 3, "in_flight in": 2, "outcomes_total in SessionEnded": 1 })
      fake.outcome = Effect.fail(sendError("NotReading"))
      deaf.respond({ _tag: "Chunk", requestId: "1", values: [1] })
      yield* settle
      sessions.endAll("stopped")
      assert.deepStrictEqual(counts.values, {
        "total in": 3,
        "outcomes_total in SessionEnded": 1,
        "outcomes_total in interrupted": 1,
        "outcomes_total in stopped": 1,
      })
    }),
  )

  it.effect("end a request whose chunk is too large", () =>
    Effect.gen(function* () {
      const { counts, fake, open } = yield* setUp
      const client = yield* open(10)
      client.addRequest("1")
      fake.outcome = Effect.fail(sendError("TooLarge"))
      client.respond({ _tag: "Chunk", requestId: "1", values: [1] })
      yield* settle
      assert.deepStrictEqual(counts.values, { "total in": 1, "outcomes_total in ResponseTooLarge": 1 })
    }).pipe(Effect.provide(Logger.layer([]))),
  )

  it.effect("stop the fiber that sends responses when they end", () =>
    Effect.gen(function* () {
      const { fake, open, sessions } = yield* setUp
      const client = yield* open(10)
      const stopped = Deferred.makeUnsafe<void>()
      fake.outcome = Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))
      client.respond(exit)
      yield* settle
      sessions.end(10)
      yield* settle
      assert.isTrue(Deferred.isDoneUnsafe(stopped))
    }),
  )

  it.effect("send the responses that wait, and none that is offered later", () =>
    Effect.gen(function* () {
      const { fake, open, sessions } = yield* setUp
      const client = yield* open(10)
      const go = Deferred.makeUnsafe<void>()
      fake.outcome = Effect.as(Deferred.await(go), { session: 1 })
      client.respond(exit)
      client.respond(exit)
      sessions.endResponses()
      client.respond(exit)
      const waiting = yield* Effect.forkChild(sessions.awaitSenders)
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(waiting)
      assert.strictEqual(fake.sent.length, 2)
    }),
  )
})
