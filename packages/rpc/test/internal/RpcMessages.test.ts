import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as RpcMessages from "../../src/internal/RpcMessages.ts"
import { serialization } from "./FakeLane.ts"

const parser = serialization.makeUnsafe()

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** Messages that nodes usually send. */
const usual: ReadonlyArray<Readonly<Record<string, unknown>>> = [
  { _tag: "Request", id: "x-1", tag: "Half", payload: 1, headers: [] },
  {
    _tag: "Request",
    id: 1,
    tag: "",
    payload: null,
    headers: [["a", "b"]],
    traceId: "a",
    spanId: "b",
    sampled: true,
  },
  { _tag: "Exit", requestId: "x-1", exit: { _tag: "Success", value: 1 } },
]

const keys = [
  "_tag",
  "id",
  "requestId",
  "tag",
  "payload",
  "exit",
  "headers",
  "isNotification",
  "discard",
  "traceId",
  "spanId",
  "sampled",
]

const values: ReadonlyArray<unknown> = [
  undefined,
  null,
  true,
  false,
  1,
  "",
  "Request",
  "Exit",
  "x".repeat(256),
  "x".repeat(257),
  {},
  [],
  [null],
  ["ab"],
  [["a", "b"]],
  [["a"]],
  [["a", "b", "c"]],
  [["a", 1]],
  [[1, "b"]],
  [["a", "b"], ["a"]],
]

/** All usual messages, and those without a field or with another value of a field. */
const changed = usual.flatMap((message) => [
  message,
  Object.values(message),
  ...keys.flatMap((key) => [
    Object.fromEntries(Object.entries(message).filter(([each]) => each !== key)),
    ...values.map((value) => ({ ...message, [key]: value })),
  ]),
])

describe("messages of Effect's RPC", () => {
  it("decode to the messages that were encoded", () => {
    const ack: RpcMessages.FromClient = { _tag: "Ack", requestId: "x" }
    const bytes = RpcMessages.encode(parser, ack)
    assert.deepStrictEqual(RpcMessages.decodeFromClient(parser, new TextEncoder().encode(String(bytes))), [ack])
  })

  it("are dropped if the other side does not send their kind, and the others are kept", () => {
    const interrupt = { _tag: "Interrupt", requestId: "x" } as const
    const ack = { _tag: "Ack", requestId: "x" } as const
    const eof = { _tag: "Eof" } as const
    const bytes = bytesOf([ack, eof, { _tag: "Later" }, interrupt])
    assert.deepStrictEqual(RpcMessages.decodeFromClient(parser, bytes), [ack, interrupt])
    assert.deepStrictEqual(RpcMessages.decodeFromServer(parser, bytes), [eof, interrupt])
  })

  it("are dropped if a field has another type", () => {
    assert.deepStrictEqual(RpcMessages.decodeFromClient(parser, bytesOf({ _tag: "Ack", requestId: {} })), [])
    const headers = [[1, 2]]
    const request = { _tag: "Request", id: "x", tag: "Half", payload: 1, headers }
    assert.deepStrictEqual(RpcMessages.decodeFromClient(parser, bytesOf(request)), [])
  })

  it("are dropped by a server if the id of the request has more than 256 characters", () => {
    const acks = [257, 256].map((length) => ({ _tag: "Ack", requestId: "x".repeat(length) }))
    assert.deepStrictEqual(RpcMessages.decodeFromClient(parser, bytesOf(acks)), acks.slice(1) as unknown)
  })

  it("are an error if the bytes cannot be decoded", () => {
    assert.instanceOf(RpcMessages.decodeFromServer(parser, new TextEncoder().encode("{")), Error)
  })

  it("are accepted by the fast tests only if the schemas accept them, whatever field differs", () => {
    const isFromClient = Schema.is(RpcMessages.FromClient)
    const isFromServer = Schema.is(RpcMessages.FromServer)
    for (const value of [...changed, null, undefined, "Exit", 1, []]) {
      if (RpcMessages.isUsualRequest(value)) assert.isTrue(isFromClient(value), JSON.stringify(value))
      if (RpcMessages.isExit(value)) assert.isTrue(isFromServer(value), JSON.stringify(value))
    }
  })

  it("are accepted by the fast tests as nodes usually send them", () => {
    for (const message of usual) {
      assert.isTrue(RpcMessages.isUsualRequest(message) || RpcMessages.isExit(message), JSON.stringify(message))
    }
  })
})
