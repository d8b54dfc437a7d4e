import { assert, describe, it } from "@effect/vitest"
import * as RequestLost from "@coterie/rpc/RequestLost"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import * as Stream from "effect/Stream"
import { maxSessionMarks } from "../../../../core/src/messaging/SessionMarks.ts"
import { SessionReader } from "../../../../core/src/messaging/SessionReader.ts"
import type { InFlightRequest } from "../../../src/internal/client/InFlightRequest.ts"
import { RequestIds } from "../../../src/internal/client/RequestIds.ts"
import * as RequestSender from "../../../src/internal/client/RequestSender.ts"
import { ResponseReader } from "../../../src/internal/client/ResponseReader.ts"
import { FakeLane, giveUp, message, sendError, serialization as json, sessionEnded } from "../FakeLane.ts"
import { inFlightRequests } from "../FakeMetrics.ts"

const setUp = Effect.fnUntraced(function* (serialization = json) {
  const requests = new FakeLane()
  const responses = new FakeLane()
  const lanes = { service: "default", requests: requests.lane, responses: responses.lane, serialization }
  const ids = new RequestIds("x-")
  const { fake, inFlight } = yield* inFlightRequests
  const sender = yield* RequestSender.make(lanes)
  const reader = new ResponseReader({ lanes, ids, inFlight, sender })
  const written: Array<FromServerEncoded> = []
  /** Adds a request that was sent on session 1. Its client knows it by the id 7. */
  const add = (
    options: { readonly peer?: string; readonly clientId?: number; readonly write?: Effect.Effect<void> } = {},
  ) => {
    const request = inFlight.add({
      id: ids.next(),
      requestId: 7,
      clientId: options.clientId ?? 1,
      hasSeveralPeers: false,
      peer: options.peer ?? "b",
      write: (response) => {
        written.push(response)
        return options.write ?? Effect.void
      },
    })
    request.onSent(1)
    return request
  }
  /** Takes the messages that were sent to peers, after the background fibers have run. */
  const sent = Effect.map(sender.drain, () => requests.takeSent())
  return { add, fake, inFlight, reader, requests, responses, sent, written }
})

/** Returns `waiting`, `completed`, or the reason for which the request was lost. */
const stateOf = (request: InFlightRequest) =>
  Effect.map(Effect.timeoutOption(Effect.result(request.completed), 0), (outcome) => {
    if (outcome._tag === "None") return "waiting"
    if (Result.isSuccess(outcome.value)) return "completed"
    return RequestLost.causeOf(outcome.value.failure)?.reason._tag ?? outcome.value.failure.message
  })

const exit = { _tag: "Exit", requestId: "x-1", exit: { _tag: "Success", value: 4 } }
const chunk = { _tag: "Chunk", requestId: "x-1", values: [1] }
const interrupt = { _tag: "Interrupt", requestId: "x-1" }

describe("the reader of responses", () => {
  it.live("completes a request with its exit, under the id that its client knows", () =>
    Effect.gen(function* () {
      const { add, inFlight, reader, written } = yield* setUp()
      const request = add()
      yield* reader.read(message(exit))
      assert.strictEqual(yield* stateOf(request), "completed")
      assert.deepStrictEqual(written, [{ ...exit, requestId: 7 }] as unknown)
      assert.deepStrictEqual(inFlight.all(), [])
    }),
  )

  it.live("fails a request whose response has null in place of an exit", () =>
    Effect.gen(function* () {
      const { add, reader, written } = yield* setUp()
      const request = add()
      yield* reader.read(message({ ...exit, exit: null }))
      assert.include(yield* stateOf(request), "a response without an exit")
      assert.deepStrictEqual(written, [])
    }),
  )

  it.live(
    "fails a request that the server gives up, with the reason or with GivenUp for a reason that it does not know",
    () =>
      Effect.gen(function* () {
        const { add, reader, written } = yield* setUp()
        const states: Array<string> = []
        for (const reason of [
          { _tag: "Busy", limit: 2 },
          { _tag: "ResponseTooLarge", bytes: 2, limit: 1 },
          { _tag: "?" },
        ]) {
          const request = add()
          yield* reader.read(message(giveUp(request.id, reason), { from: "c" }))
          assert.strictEqual(yield* stateOf(request), "waiting")
          yield* reader.read(message(giveUp(request.id, reason)))
          states.push(yield* stateOf(request))
        }
        assert.deepStrictEqual(states, ["Busy", "ResponseTooLarge", "GivenUp"])
        assert.deepStrictEqual(written, [])
      }),
  )

  it.live("counts requests by the kind of their responses", () =>
    Effect.gen(function* () {
      const { add, fake, reader } = yield* setUp()
      for (let i = 0; i < 5; i++) add()
      const fail = { _tag: "Failure", cause: [{ _tag: "Fail", error: "odd" }] }
      yield* reader.read(message(exit))
      yield* reader.read(message({ _tag: "Exit", requestId: "x-2", exit: fail }))
      yield* reader.read(message({ ...interrupt, requestId: "x-3" }))
      yield* reader.read(message({ _tag: "Defect", defect: "a bug" }))
      add()
      yield* reader.read(message("{"))
      add()
      yield* reader.read(sessionEnded(1))
      assert.deepStrictEqual(fake.values, {
        "total out": 7,
        "outcomes_total out success": 1,
        "outcomes_total out failure": 1,
        "outcomes_total out GivenUp": 1,
        "outcomes_total out defect": 2,
        "outcomes_total out malformed": 1,
        "outcomes_total out SessionEnded": 1,
      })
      assert.strictEqual(fake.recorded.length, 2)
    }),
  )

  it.live("ignores a response from a peer other than the server of the request", () =>
    Effect.gen(function* () {
      const { add, reader, sent } = yield* setUp()
      const request = add()
      for (const content of [exit, interrupt]) yield* reader.read(message(content, { from: "c", session: 2 }))
      assert.strictEqual(yield* stateOf(request), "waiting")
      assert.deepStrictEqual(yield* sent, [])
    }),
  )

  it.live("interrupts a stream that no request waits for, if this client layer made its id", () =>
    Effect.gen(function* () {
      const { reader, sent } = yield* setUp()
      yield* reader.read(message({ ...chunk, requestId: "y-1" }))
      yield* reader.read(message(exit))
      assert.deepStrictEqual(yield* sent, [])
      yield* reader.read(message(chunk))
      assert.deepStrictEqual(yield* sent, [interrupt])
    }),
  )

  it.live("fails a stream at the fifth chunk that its client has not taken", () =>
    Effect.gen(function* () {
      const { add, reader, sent } = yield* setUp()
      const request = add({ write: Effect.never })
      for (let i = 0; i < 4; i++) yield* reader.read(message(chunk))
      assert.strictEqual(yield* stateOf(request), "waiting")
      assert.deepStrictEqual(yield* sent, [])
      yield* reader.read(message(chunk))
      assert.include(yield* stateOf(request), "it sent chunks of a stream without waiting for their Ack")
      assert.deepStrictEqual(yield* sent, [interrupt])
    }),
  )

  it.live("fails a request that the server does not have in flight", () =>
    Effect.gen(function* () {
      const { add, reader } = yield* setUp()
      const request = add()
      yield* reader.read(message(interrupt))
      assert.strictEqual(yield* stateOf(request), "GivenUp")
    }),
  )

  it.live("fails and interrupts only the requests of a session that ended", () =>
    Effect.gen(function* () {
      const { add, reader, sent } = yield* setUp()
      const [lost, later, other] = [add(), add(), add({ peer: "c" })]
      later.onSent(2)
      yield* reader.read(sessionEnded(1))
      assert.strictEqual(yield* stateOf(lost), "SessionEnded")
      assert.strictEqual(yield* stateOf(later), "waiting")
      assert.strictEqual(yield* stateOf(other), "waiting")
      assert.deepStrictEqual(yield* sent, [interrupt])
    }),
  )

  it.live(
    "fails a request whose session began and ended while the reader was blocked, even if many sessions followed",
    () =>
      Effect.gen(function* () {
        const { add, reader } = yield* setUp()
        const responses = new SessionReader({ kept: 1_000 })
        const visit = (name: string, session: number) => {
          const from = { name, generation: 1 }
          responses.mark({ _tag: "SessionStarted", from, session })
          responses.mark({ _tag: "SessionEnded", from, session })
        }
        const [lost, later] = [add(), add()]
        later.onSent(3)
        visit("b", 1)
        visit("b", 2)
        responses.mark({ _tag: "SessionStarted", from: { name: "b", generation: 1 }, session: 3 })
        for (let session = 4; session <= 2 * maxSessionMarks; session++) visit("c", session)
        yield* responses.end
        yield* Stream.runForEach(responses.stream, (item) => reader.read(item))
        assert.strictEqual(yield* stateOf(lost), "SessionEnded")
        assert.strictEqual(yield* stateOf(later), "waiting")
      }),
  )

  it.live("asks about each request of the peer after Eof, except requests with a chunk to acknowledge", () =>
    Effect.gen(function* () {
      const { add, reader, requests, sent } = yield* setUp()
      const request = add()
      add({ peer: "c" })
      add({ write: Effect.never }).deliver({ _tag: "Chunk", requestId: "7", values: [1] })
      yield* reader.read(message({ _tag: "Eof" }))
      assert.deepStrictEqual(yield* sent, [{ _tag: "Ack", requestId: "x-1" }])
      assert.strictEqual(yield* stateOf(request), "waiting")
      requests.outcome = Effect.fail(sendError("LinkLost"))
      yield* reader.read(message({ _tag: "Eof" }))
      yield* sent
      assert.strictEqual(yield* stateOf(request), "waiting")
      requests.outcome = Effect.fail(sendError("NotReading"))
      yield* reader.read(message({ _tag: "Eof" }))
      yield* sent
      assert.strictEqual(yield* stateOf(request), "GivenUp")
    }),
  )

  it.live("hands a defect to each client of the peer once and completes all its requests", () =>
    Effect.gen(function* () {
      const { add, inFlight, reader, written } = yield* setUp()
      const other = add({ peer: "c" })
      for (const clientId of [1, 1, 2]) add({ clientId })
      yield* reader.read(message({ _tag: "Defect", defect: "a bug" }))
      assert.deepStrictEqual(written.length, 2)
      assert.deepStrictEqual(inFlight.all(), [other])
    }),
  )

  it.live(
    "decodes the messages of a session with one parser, and with a new parser after bytes that cannot be decoded",
    () =>
      Effect.gen(function* () {
        let parsers = 0
        const { add, reader } = yield* setUp({
          ...json,
          makeUnsafe: () => {
            parsers += 1
            return json.makeUnsafe()
          },
        })
        add()
        // The sender made its own parser.
        parsers = 0
        for (const content of [chunk, chunk]) yield* reader.read(message(content))
        assert.strictEqual(parsers, 1)
        yield* reader.read(message("{"))
        yield* reader.read(message(chunk))
        assert.strictEqual(parsers, 2)
        yield* reader.read(sessionEnded(1))
        yield* reader.read(message(chunk))
        assert.strictEqual(parsers, 3)
      }),
  )

  it.live("fails the requests of the session if bytes cannot be decoded, and reads the next message", () =>
    Effect.gen(function* () {
      const { add, reader, responses, sent } = yield* setUp()
      const [lost, later] = [add(), add()]
      later.onSent(2)
      yield* reader.read(message("{"))
      assert.include(yield* stateOf(lost), "cannot be used")
      assert.strictEqual(yield* stateOf(later), "waiting")
      assert.strictEqual(responses.dead.length, 1)
      assert.deepStrictEqual(yield* sent, [interrupt])
      yield* reader.read(message({ ...exit, requestId: "x-2" }, { session: 2 }))
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(later.completed)))
    }),
  )
})
