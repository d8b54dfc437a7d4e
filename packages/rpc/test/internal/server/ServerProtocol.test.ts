import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Cause from "effect/Cause"
import type { Message, SessionEnded } from "@coterie/core/Message"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as LogBudget from "../../../../core/src/internal/LogBudget.ts"
import * as ClientSessions from "../../../src/internal/server/ClientSessions.ts"
import { RequestReader } from "../../../src/internal/server/RequestReader.ts"
import { ServerInput } from "../../../src/internal/server/ServerInput.ts"
import { ServerProtocol } from "../../../src/internal/server/ServerProtocol.ts"
import { FakeLane, message, serialization } from "../FakeLane.ts"
import { FakeMetrics } from "../FakeMetrics.ts"

const setUp = Effect.gen(function* () {
  const responses = new FakeLane()
  const input = new ServerInput()
  const scope = yield* Effect.scope
  const reading = yield* Scope.fork(scope)
  let isReading = true
  yield* Scope.addFinalizer(
    reading,
    Effect.sync(() => void (isReading = false)),
  )
  const lanes = { requests: new FakeLane().lane, responses: responses.lane, serialization }
  const counts = new FakeMetrics()
  const sessions = yield* ClientSessions.make({
    log: yield* LogBudget.make,
    responses: responses.lane,
    serialization,
    input,
    limit: 10,
    metrics: counts.requests("in"),
    scope,
  })
  const reader = new RequestReader({ lanes, sessions, input, scope })
  const items = yield* Queue.unbounded<Message | SessionEnded, Cause.Done>()
  const { codecFor } = serialization
  const requests = Stream.fromQueue(items)
  const server = new ServerProtocol({ requests, reading, input, reader, sessions, codecFor })
  const protocol = server.toService()
  const passed: Array<FromClientEncoded> = []
  const run = Effect.forkChild(
    protocol.run((_, each) => Effect.sync(() => void passed.push(each))),
    { startImmediately: true },
  )
  /** Makes a request in flight and returns the id of its client. */
  const request = Effect.gen(function* () {
    yield* Queue.offer(items, message({ _tag: "Request", id: "1", tag: "Half", payload: 1, headers: [] }))
    yield* settle
    const [clientId] = yield* protocol.clientIds
    return clientId ?? -1
  })
  return { counts, isReading: () => isReading, items, passed, protocol, request, responses, run, server }
})

/** Yields often enough for the fibers that read and send to run. */
const settle = Effect.forEach([1, 2, 3, 4, 5], () => Effect.yieldNow, { discard: true })

const success = { _tag: "Exit", requestId: "1", exit: { _tag: "Success", value: 4 } } as const
const interrupted = {
  _tag: "Exit",
  requestId: "1",
  exit: { _tag: "Failure", cause: [{ _tag: "Interrupt", fiberId: 1 }] },
} as const

describe("the protocol of a server", () => {
  it.effect("passes requests to the running server, and sends its responses", () =>
    Effect.gen(function* () {
      const { passed, protocol, request, responses, run } = yield* setUp
      yield* run
      const clientId = yield* request
      assert.strictEqual(passed.length, 1)
      yield* protocol.send(clientId, success)
      yield* settle
      assert.deepStrictEqual(responses.takeSent(), [success])
    }),
  )

  it.effect("drops responses to a client that is disconnected", () =>
    Effect.gen(function* () {
      const { protocol, responses } = yield* setUp
      yield* protocol.send(7, success)
      yield* settle
      assert.deepStrictEqual(responses.sent, [])
    }),
  )

  it.effect("gives up a request whose handler its stop interrupts, and answers the others", () =>
    Effect.gen(function* () {
      const { isReading, protocol, request, responses, run } = yield* setUp
      const running = yield* run
      const clientId = yield* request
      yield* protocol.send(clientId, interrupted)
      yield* Fiber.interrupt(running)
      assert.isFalse(isReading())
      yield* protocol.send(clientId, interrupted)
      yield* protocol.send(clientId, success)
      yield* settle
      assert.deepStrictEqual(responses.takeSent(), [interrupted, { _tag: "Interrupt", requestId: "1" }, success])
    }),
  )

  it.effect("counts requests whose handlers its stop interrupts, and requests without an answer, as stopped", () =>
    Effect.gen(function* () {
      const { counts, items, protocol, request, run, server } = yield* setUp
      const running = yield* run
      const clientId = yield* request
      yield* Queue.offer(items, message({ _tag: "Request", id: "2", tag: "Half", payload: 1, headers: [] }))
      yield* settle
      yield* Fiber.interrupt(running)
      yield* protocol.send(clientId, interrupted)
      assert.deepStrictEqual(counts.values, { "total in": 2, "in_flight in": 1, "outcomes_total in stopped": 1 })
      yield* server.shutdown
      assert.deepStrictEqual(counts.values, { "total in": 2, "outcomes_total in stopped": 2 })
    }),
  )

  it.effect("disconnects all clients when the node has left, and keeps running", () =>
    Effect.gen(function* () {
      const { items, protocol, request, run } = yield* setUp
      const running = yield* run
      const clientId = yield* request
      yield* Queue.end(items)
      yield* settle
      assert.deepStrictEqual(yield* Queue.takeAll(protocol.disconnects), [clientId])
      assert.isUndefined(running.pollUnsafe())
    }),
  )

  it.effect("waits up to 5 seconds for its last responses when it shuts down, and then publishes Eof", () =>
    Effect.gen(function* () {
      const { protocol, request, responses, run, server } = yield* setUp
      yield* run
      responses.outcome = Effect.never
      yield* protocol.send(yield* request, success)
      const down = yield* Effect.forkChild(server.shutdown)
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(responses.published, [])
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(down)))
      assert.deepStrictEqual(responses.published, ['{"_tag":"Eof"}'])
    }),
  )
})
