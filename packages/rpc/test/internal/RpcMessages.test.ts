import { assert, describe, it } from "@effect/vitest"
import * as RpcMessages from "../../src/internal/RpcMessages.ts"
import { serialization } from "./FakeLane.ts"

const parser = serialization.makeUnsafe()

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

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
})
