/**
 * Messages between a client and a server, and their encoding. Each message of Effect's RPC is one message of a lane.
 * Coterie replaces only the ids of requests: its ids are unique across all nodes and generations.
 *
 * Effect defines `Eof`, `Interrupt` and `Request` as messages to servers. Here they also travel to clients, because a
 * session can end for one side only (docs/protocol.md, "What a receiver may rely on"), and because a server can refuse a
 * request. Binary serializations have no place for other messages or fields.
 *
 * - `Eof` to a client: requests in flight may be lost. The client sends an `Ack` for each of them.
 * - `Interrupt` to a client: the server does not have this request in flight and will not respond to it. The server
 *   also sends it in response to an `Ack` for such a request.
 * - `Request` with the tag `GiveUp` to a client: the server will not respond to the request with this id, for the
 *   reason in the payload.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ExitEncoded } from "effect/rpc/RpcMessage"
import type { CodecFor, Parser, RpcSerialization } from "effect/rpc/RpcSerialization"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Busy, ResponseTooLarge } from "../RequestLost.ts"

/** Id of a request: a text between nodes, and the id of Effect's client within a node. */
export type RequestId = string | number

/**
 * Maximum number of characters of the id of a request. A server keeps the ids of requests, also of those beyond the limit. The ids of
 * clients have some 30 characters.
 */
const maxIdLength = 256

const requestId = Schema.Union([Schema.String.check(Schema.isMaxLength(maxIdLength)), Schema.Number])
const Ack = Schema.TaggedStruct("Ack", { requestId })
const Interrupt = Schema.TaggedStruct("Interrupt", { requestId })
const Eof = Schema.TaggedStruct("Eof", {})

/**
 * Accepts any value as `A`. Effect's client checks the value with the schema of the RPC when it decodes the response.
 */
const unchecked = <A>() => Schema.declare((_: unknown): _ is A => true)

/** Messages from a client to a server. */
export const FromClient = Schema.Union([
  Schema.TaggedStruct("Request", {
    id: requestId,
    tag: Schema.String,
    payload: Schema.Unknown,
    headers: Schema.Array(Schema.mutable(Schema.Tuple([Schema.String, Schema.String]))),
    isNotification: Schema.optionalKey(Schema.Literal(true)),
    discard: Schema.optionalKey(Schema.Literal(true)),
    traceId: Schema.optionalKey(Schema.String),
    spanId: Schema.optionalKey(Schema.String),
    sampled: Schema.optionalKey(Schema.Boolean),
  }),
  Ack,
  Interrupt,
])
export type FromClient = typeof FromClient.Type

/** Messages from a server to a client. */
export const FromServer = Schema.Union([
  Schema.TaggedStruct("Chunk", { requestId, values: unchecked<NonEmptyReadonlyArray<unknown>>() }),
  Schema.TaggedStruct("Exit", { requestId, exit: unchecked<ExitEncoded<unknown, unknown>>() }),
  Schema.TaggedStruct("Defect", { defect: Schema.Unknown }),
  Schema.TaggedStruct("Request", {
    id: requestId,
    tag: Schema.Literal("GiveUp"),
    payload: Schema.Unknown,
    headers: Schema.Tuple([]),
  }),
  Interrupt,
  Eof,
])
export type FromServer = typeof FromServer.Type

/** Message with which a server gives up a request for a reason. */
export type GiveUp = Extract<FromServer, { readonly _tag: "Request" }>

const GiveUpReason = Schema.Union([Busy, ResponseTooLarge])

/** Reason for which a server gives up a request that it has, or does not accept. */
export type GiveUpReason = typeof GiveUpReason.Type

/** Makes the encoder of messages that give up a request. */
export const encodeGiveUpWith = (codecFor: CodecFor): ((id: RequestId, reason: GiveUpReason) => GiveUp) => {
  const encodeReason = Schema.encodeSync(codecFor(GiveUpReason))
  return (id, reason) => ({ _tag: "Request", id, tag: "GiveUp", payload: encodeReason(reason), headers: [] })
}

/** Makes the decoder of the reason of a message. It returns `None` for a reason that this version does not know. */
export const decodeGiveUpWith = (codecFor: CodecFor): ((message: GiveUp) => Option.Option<GiveUpReason>) => {
  const decodeReason = Schema.decodeUnknownOption(codecFor(GiveUpReason))
  return ({ payload }) => decodeReason(payload)
}

/**
 * Tests whether no decoded message refers to the bytes that it was decoded from. That is certain for the serializations
 * of Effect that decode JSON, because they decode a text. Binary ones may return views of the bytes.
 */
export const copiesBytes = ({ contentType }: Pick<RpcSerialization["Service"], "contentType">): boolean =>
  contentType.includes("json")

/** Encodes a message. Returns `undefined` if the serialization has no representation of the message. */
export const encode = (parser: Parser, message: FromClient | FromServer): Uint8Array | string | undefined =>
  parser.encode(message)

const isRequestId = (id: unknown): boolean =>
  typeof id === "number" || (typeof id === "string" && id.length <= maxIdLength)

const isHeader = (header: unknown): boolean =>
  Array.isArray(header) && header.length === 2 && typeof header[0] === "string" && typeof header[1] === "string"

/**
 * Tests for a request as this package sends it, faster than the schema. The result `false` means that the schema
 * decides.
 */
export const isUsualRequest = (message: unknown): boolean =>
  Predicate.isReadonlyObject(message) &&
  message["_tag"] === "Request" &&
  isRequestId(message["id"]) &&
  typeof message["tag"] === "string" &&
  "payload" in message &&
  Array.isArray(message["headers"]) &&
  message["headers"].every(isHeader) &&
  !("isNotification" in message) &&
  !("discard" in message) &&
  (typeof message["traceId"] === "string" || !("traceId" in message)) &&
  (typeof message["spanId"] === "string" || !("spanId" in message)) &&
  (typeof message["sampled"] === "boolean" || !("sampled" in message))

/** Tests for an exit, faster than the schema. The result `false` means that the schema decides. */
export const isExit = (message: unknown): boolean =>
  Predicate.isReadonlyObject(message) &&
  message["_tag"] === "Exit" &&
  isRequestId(message["requestId"]) &&
  "exit" in message

const isFromClient = Schema.is(FromClient)
const isFromServer = Schema.is(FromServer)

/** Makes a decoder that drops messages of other kinds, so that later versions can add kinds. */
const decodeWith =
  <A>(isKnown: (message: unknown) => message is A) =>
  (parser: Parser, bytes: Uint8Array): ReadonlyArray<A> | Error => {
    try {
      const messages = parser.decode(bytes)
      return messages.every(isKnown) ? messages : messages.filter(isKnown)
    } catch (cause) {
      return cause instanceof Error ? cause : new Error(String(cause))
    }
  }

/** Handles messages that arrived together, one after the other. Most arrive alone, and a single one needs no loop. */
export const handleEach = <A>(
  messages: ReadonlyArray<A>,
  handle: (message: A) => Effect.Effect<void>,
): Effect.Effect<void> => {
  const [first] = messages
  return messages.length === 1 && first !== undefined
    ? handle(first)
    : Effect.forEach(messages, handle, { discard: true })
}

/** Decodes the messages of a client, or returns the error of the serialization. */
export const decodeFromClient = decodeWith(
  (message): message is FromClient => isUsualRequest(message) || isFromClient(message),
)

/** Decodes the messages of a server, or returns the error of the serialization. */
export const decodeFromServer = decodeWith((message): message is FromServer => isExit(message) || isFromServer(message))
