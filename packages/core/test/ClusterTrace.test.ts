import * as ClusterTrace from "@coterie/core/ClusterTrace"
import * as Topic from "@coterie/core/Topic"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { reversed } from "./reversedSerialization.ts"
import type * as Frame from "../src/protocol/Frame.ts"
import { recordOf } from "./protocol/records.ts"
import { encodeAll } from "./wire/support.ts"

const utf8 = new TextEncoder()
const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String, total: Schema.Number }))

/** Returns the bytes of frames in the form of a connection. */
const bytesOf = (...frames: ReadonlyArray<Frame.Frame>): Uint8Array => encodeAll(frames)

const data = (lane: number, payload: Uint8Array, fields: Partial<Frame.Data> = {}): Frame.Data => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload,
  ...fields,
})

const openOrders: Frame.LaneOpen = { _tag: "LaneOpen", lanes: [{ lane: 7, name: "orders", window: 4096 }], last: true }
const order = { id: "o-1", total: 12 }
const orderBytes = utf8.encode(JSON.stringify(order))
const text = (kind: string, text: string, background = false) => ({ kind, text, background })

describe("ClusterTrace", () => {
  it("shows the name that the receiver of Data gave to the lane, and decodes the values of a topic", () => {
    const trace = ClusterTrace.describe({ topics: [Orders] })()
    assert.deepStrictEqual(trace(bytesOf(openOrders), "acceptor"), [text("LaneOpen", "orders with 4096 bytes")])
    assert.deepStrictEqual(trace(bytesOf(data(7, orderBytes)), "dialer"), [
      text("Data orders", `{"id":"o-1","total":12}`),
    ])
    // The other side opened no lane with this number.
    assert.deepStrictEqual(trace(bytesOf(data(7, orderBytes)), "acceptor"), [
      text("Data lane 7", `{"id":"o-1","total":12}`),
    ])
    assert.deepStrictEqual(trace(bytesOf(data(7, utf8.encode("{}"))), "dialer")[0]?.kind, "Data orders")
    assert.match(trace(bytesOf(data(7, utf8.encode("{}"))), "dialer")[0]?.text ?? "", /^does not decode: /)
  })

  it("decodes topics with the serialization of the nodes", () => {
    const trace = ClusterTrace.describe({ topics: [Orders], serialization: reversed })()
    trace(bytesOf(openOrders), "dialer")
    const found = trace(bytesOf(data(7, orderBytes.toReversed())), "acceptor")
    assert.deepStrictEqual(found, [text("Data orders", `{"id":"o-1","total":12}`)])
  })

  it("shows text as text and other bytes as a size, and cuts a long text", () => {
    const trace = ClusterTrace.describe({ textLength: 10 })()
    const texts = [
      utf8.encode("hello\n"),
      utf8.encode("a text that is too long"),
      new Uint8Array([0, 1]),
      new Uint8Array([255]),
    ]
    assert.deepStrictEqual(
      texts.map((payload) => trace(bytesOf(data(0, payload)), "dialer")[0]),
      ["hello\n", "a text tha", "2 bytes", "1 bytes"].map((shown) => text("Data inbox", shown)),
    )
  })

  it("marks only heartbeats and credit as background", () => {
    const trace = ClusterTrace.describe()()
    const heartbeat = { seq: 3, viewHash: 255n, lag: 2 }
    const frames: ReadonlyArray<Frame.Frame> = [
      { _tag: "Ping", ...heartbeat },
      { _tag: "Pong", ...heartbeat },
      { _tag: "Credit", lane: 0, bytes: 500 },
      { _tag: "Taken", lane: 0, id: 1 },
      { _tag: "Leave", generation: 4 },
    ]
    assert.deepStrictEqual(trace(bytesOf(...frames), "dialer"), [
      text("Ping", "3, view ff, lag 2 ms", true),
      text("Pong", "3, view ff, lag 2 ms", true),
      text("Credit", "inbox, 500 bytes", true),
      text("Taken", "inbox, 1"),
      text("Leave", "generation 4"),
    ])
  })

  it("reads frames and messages that arrive in pieces of any size", () => {
    const first = data(7, orderBytes.subarray(0, 8), { last: false, total: orderBytes.length })
    const rest = data(7, orderBytes.subarray(8), { first: false })
    const bytes = bytesOf(openOrders, { _tag: "Ping", seq: 1, viewHash: 0n, lag: 0 })
    const messages = bytesOf(first, rest, first, data(7, new Uint8Array(), { first: false, last: false, abort: true }))
    for (let cut = 1; cut < messages.length; cut++) {
      const trace = ClusterTrace.describe({ topics: [Orders] })()
      for (const byte of bytes) trace(new Uint8Array([byte]), "dialer")
      const texts = [...trace(messages.slice(0, cut), "acceptor"), ...trace(messages.slice(cut), "acceptor")]
      assert.deepStrictEqual(texts, [
        text("Data orders", `the first 8 of ${orderBytes.length} bytes`),
        text("Data orders", `{"id":"o-1","total":12}`),
        text("Data orders", `the first 8 of ${orderBytes.length} bytes`),
        text("Data orders", "given up"),
      ])
    }
  })

  it("describes records with their status and their accuser", () => {
    const trace = ClusterTrace.describe()()
    const records = [recordOf("b", { incarnation: 2, status: "suspect", by: "c", refused: true })]
    const texts = trace(
      bytesOf(
        { _tag: "Update", records },
        { _tag: "ProbeRequest", id: 4, target: "b", generation: 9, deadline: 250 },
        { _tag: "ProbeResult", id: 4, verdict: "down" },
        { _tag: "Bye", code: "left", message: "bye" },
        { _tag: "Bye", code: "left", message: "" },
      ),
      "dialer",
    )
    assert.deepStrictEqual(texts, [
      text("Update", `b suspect ${records[0]?.generation}.2 by c, refused`),
      text("ProbeRequest", "4: b 9, within 250 ms"),
      text("ProbeResult", "4: down"),
      text("Bye", "left: bye"),
      text("Bye", "left"),
    ])
  })

  it("reports invalid bytes once, and continues with the other side", () => {
    const trace = ClusterTrace.describe()()
    const garbage = utf8.encode("GET / HTTP/1.1\r\n")
    assert.strictEqual(trace(garbage, "dialer")[0]?.kind, "ProtocolViolation")
    assert.deepStrictEqual(trace(garbage, "dialer"), [])
    assert.strictEqual(trace(bytesOf({ _tag: "Leave", generation: 1 }), "acceptor")[0]?.kind, "Leave")
  })
})
