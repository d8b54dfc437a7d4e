import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import * as LogBudget from "../../../../core/src/internal/LogBudget.ts"
import * as ClientSessions from "../../../src/internal/server/ClientSessions.ts"
import { RequestReader } from "../../../src/internal/server/RequestReader.ts"
import { ServerInput } from "../../../src/internal/server/ServerInput.ts"
import { FakeLane, giveUp, message, serialization, sessionEnded } from "../FakeLane.ts"
import { FakeMetrics } from "../FakeMetrics.ts"

const setUp = Effect.gen(function* () {
  const requests = new FakeLane()
  const responses = new FakeLane()
  const input = new ServerInput()
  const passed: Array<FromClientEncoded> = []
  input.open((_, each) => Effect.sync(() => void passed.push(each)))
  const scope = yield* Effect.scope
  const lanes = { requests: requests.lane, responses: responses.lane, serialization }
  const counts = new FakeMetrics()
  const sessions = yield* ClientSessions.make({
    log: yield* LogBudget.make,
    responses: responses.lane,
    serialization,
    input,
    limit: 2,
    metrics: counts.requests("in"),
    scope,
  })
  const reader = new RequestReader({ lanes, sessions, input, scope })
  const read = (content: unknown) => reader.read(message(content, { from: "a" }))
  /** Takes the messages that were sent to peers, after the sending fibers have run. */
  const sent = Effect.map(
    Effect.forEach([1, 2, 3], () => Effect.yieldNow),
    () => responses.takeSent(),
  )
  return { counts, input, passed, read, reader, requests, responses, sent, sessions }
})

const request = (id: string) => ({ _tag: "Request", id, tag: "Half", payload: 1, headers: [["a", "b"]] })
const ack = (requestId: string) => ({ _tag: "Ack", requestId })
const interrupt = (requestId: string) => ({ _tag: "Interrupt", requestId })
const refused = (requestId: string) => giveUp(requestId, { _tag: "Busy", limit: 2 })

describe("the reader of requests", () => {
  it.effect("passes a request on with the headers that name the peer of the link", () =>
    Effect.gen(function* () {
      const { passed, read } = yield* setUp
      yield* read(request("1"))
      const headers = [
        ["a", "b"],
        ["coterie-peer", "a"],
        ["coterie-generation", "1"],
      ]
      assert.deepStrictEqual(passed, [{ ...request("1"), headers }] as unknown)
    }),
  )

  it.effect("refuses requests beyond the limit with Busy", () =>
    Effect.gen(function* () {
      const { passed, read, sent } = yield* setUp
      for (const id of ["1", "2", "3"]) yield* read(request(id))
      assert.strictEqual(passed.length, 2)
      assert.deepStrictEqual(yield* sent, [refused("3")])
    }),
  )

  it.effect("passes notifications on as requests with unique ids, and drops notifications beyond the limit", () =>
    Effect.gen(function* () {
      const { counts, passed, read, sent } = yield* setUp
      for (let i = 0; i < 3; i++) yield* read({ ...request("1"), isNotification: true })
      assert.deepStrictEqual(
        passed.map((message) => message._tag === "Request" && [message.id, message.isNotification]),
        [
          ["notification 1", undefined],
          ["notification 2", undefined],
        ],
      )
      assert.deepStrictEqual(yield* sent, [])
      assert.deepStrictEqual(counts.values, { "total in": 3, "in_flight in": 2, "outcomes_total in Busy": 1 })
    }),
  )

  it.effect("drops a request with the id of a request in flight, and frees no place", () =>
    Effect.gen(function* () {
      const { counts, passed, read, sent } = yield* setUp
      for (const id of ["1", "1", "2", "1"]) yield* read(request(id))
      assert.deepStrictEqual(yield* sent, [])
      yield* read(request("3"))
      assert.strictEqual(passed.length, 2)
      assert.deepStrictEqual(yield* sent, [refused("3")])
      assert.deepStrictEqual(counts.values, { "total in": 3, "in_flight in": 2, "outcomes_total in Busy": 1 })
    }),
  )

  it.effect("gives up a request whose id a handler of Effect's server still has, and continues", () =>
    Effect.gen(function* () {
      const { counts, input, read, sent } = yield* setUp
      input.open(() => Effect.interrupt)
      yield* read(request("1"))
      assert.deepStrictEqual(yield* sent, [interrupt("1")])
      assert.deepStrictEqual(counts.values, { "total in": 1, "outcomes_total in malformed": 1 })
    }),
  )

  it.effect("answers an Ack for a request that a defect ended with Interrupt", () =>
    Effect.gen(function* () {
      const { read, sent } = yield* setUp
      yield* read(request("1"))
      yield* read("{")
      yield* sent
      yield* read(ack("1"))
      assert.deepStrictEqual(yield* sent, [interrupt("1")])
    }),
  )

  it.effect("counts requests beyond the limit as busy", () =>
    Effect.gen(function* () {
      const { counts, read } = yield* setUp
      for (const id of ["1", "2", "3"]) yield* read(request(id))
      yield* read(ack("5"))
      assert.deepStrictEqual(counts.values, { "total in": 3, "in_flight in": 2, "outcomes_total in Busy": 1 })
    }),
  )

  it.effect("passes an Ack on for a request in flight, and answers an Ack for any other with Interrupt", () =>
    Effect.gen(function* () {
      const { passed, read, sent } = yield* setUp
      yield* read([request("1"), ack("1"), ack("2")])
      assert.deepStrictEqual(passed.slice(1), [ack("1")] as unknown)
      assert.deepStrictEqual(yield* sent, [interrupt("2")])
    }),
  )

  it.effect("passes an Interrupt on for a request in flight, and drops an Interrupt for any other", () =>
    Effect.gen(function* () {
      const { passed, read, sent } = yield* setUp
      yield* read([request("1"), interrupt("1"), interrupt("2")])
      assert.deepStrictEqual(passed.slice(1), [interrupt("1")] as unknown)
      assert.deepStrictEqual(yield* sent, [])
    }),
  )

  it.effect("answers bytes that cannot be decoded with a defect, and reports a dead letter", () =>
    Effect.gen(function* () {
      const { read, requests, sent, sessions } = yield* setUp
      yield* read(request("1"))
      yield* read("{")
      assert.strictEqual(requests.dead.length, 1)
      const [defect] = yield* sent
      assert.deepInclude(defect, { _tag: "Defect" })
      assert.strictEqual(sessions.clientIds.size, 1)
    }),
  )

  it.effect(
    "interrupts the requests of a client that sends garbage, and counts them until their handlers have ended",
    () =>
      Effect.gen(function* () {
        const { counts, passed, read, sent, sessions } = yield* setUp
        for (const id of ["1", "2"]) yield* read(request(id))
        yield* read("{")
        yield* read("{")
        assert.deepStrictEqual(passed.slice(2), [interrupt("1"), interrupt("2")] as unknown)
        yield* sent
        yield* read(request("3"))
        assert.deepStrictEqual(yield* sent, [refused("3")])
        const client = sessions.get(1)
        for (const requestId of ["1", "2"]) {
          client?.respond({ _tag: "Exit", requestId, exit: { _tag: "Success", value: 1 } })
        }
        assert.deepStrictEqual(yield* sent, [])
        yield* read(request("4"))
        assert.deepInclude(passed.at(-1), { _tag: "Request", id: "4" })
        assert.deepStrictEqual(counts.values, {
          "total in": 4,
          "in_flight in": 1,
          "outcomes_total in Busy": 1,
          "outcomes_total in defect": 2,
        })
      }),
  )

  it.effect("answers a defect of Effect's server with a defect, and continues", () =>
    Effect.gen(function* () {
      const { input, read, sent } = yield* setUp
      input.open(() => Effect.die(new Error("a bug")))
      yield* read(request("1"))
      const [defect] = yield* sent
      assert.deepInclude(defect, { _tag: "Defect" })
    }),
  )

  it.effect("disconnects the client of a session that ended, and sends Eof to the peer", () =>
    Effect.gen(function* () {
      const { read, reader, responses, sent, sessions } = yield* setUp
      yield* read(request("1"))
      yield* reader.read(sessionEnded(1, "a"))
      assert.strictEqual(sessions.clientIds.size, 0)
      yield* Effect.yieldNow
      assert.deepStrictEqual(responses.sent[0]?.[0], "a")
      assert.deepStrictEqual(yield* sent, [{ _tag: "Eof" }])
    }),
  )

  it.effect("publishes Eof", () =>
    Effect.gen(function* () {
      const { reader, responses } = yield* setUp
      yield* reader.publishEof
      assert.deepStrictEqual(responses.published, ['{"_tag":"Eof"}'])
    }),
  )
})
