/**
 * How requests travel: the messages of Effect's RPC, each as one message on one of two lanes. Nothing in them is Coterie's own
 * but the ids, which are unique over all callers and all of their lives.
 *
 * Two messages that Effect has for servers only go to callers as well, for a session may be over for one side and not for the
 * other (docs/protocol.md, "What a receiver may rely on"):
 *
 * - `Eof` to a caller: what it waits for may be lost. It sends an `Ack` for each request that it waits for.
 * - `Interrupt` to a caller: this request is not under way and will not be answered. Also what an `Ack` for it is answered with.
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { Lane } from "@coterie/core/Lane"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ExitEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"

/** Which requests. */
export interface Options {
  /**
   * The name of the service, the same at all who serve it and all who use it: 1 to 115 bytes. A node serves a name once;
   * groups that it serves together are one (`RpcGroup.merge`), others have other names. Default: {@link defaultService}.
   */
  readonly service?: string | undefined
}

export const defaultService = "default"

/** The two lanes of a service, and how messages become bytes. */
export interface Wire {
  readonly service: string
  /** The server reads it. */
  readonly requests: Lane
  /** The callers read it. */
  readonly replies: Lane
  readonly serialization: RpcSerialization.RpcSerialization["Service"]
}

/** The lanes of a service. The serialization is the one that is provided, and JSON if none is. */
export const make = Effect.fnUntraced(function* (cluster: Cluster["Service"], options: Options) {
  const { service = defaultService } = options
  const provided = yield* Effect.serviceOption(RpcSerialization.RpcSerialization)
  const lane = (name: string) =>
    service === ""
      ? Effect.fail(new OptionsError({ option: "service", message: "the name of a service must not be empty" }))
      : Effect.mapError(
          cluster.lane(`rpc/${service}/${name}`),
          ({ message }) => new OptionsError({ option: "service", message: `of a service: ${message}` }),
        )
  const wire: Wire = {
    service,
    requests: yield* lane("requests"),
    replies: yield* lane("replies"),
    serialization: Option.getOrElse(provided, () => RpcSerialization.json),
  }
  return wire
})

export type Parser = RpcSerialization.Parser

/** What one message is on a lane; `undefined` if the serialization says nothing for it. */
export const encode = (parser: Parser, message: FromClient | FromServer): Uint8Array | string | undefined =>
  parser.encode(message)

export type Id = string | number

/** What the codec of the serialization fills: Effect types it as JSON has it, and decodes it with the schema of the RPC. */
const hole = <A>() => Schema.declare((_: unknown): _ is A => true)

const id = Schema.Union([Schema.String, Schema.Number])
const acknowledgement = Schema.TaggedStruct("Ack", { requestId: id })
const interrupt = Schema.TaggedStruct("Interrupt", { requestId: id })
const eof = Schema.TaggedStruct("Eof", {})

/** What a caller says. */
export const FromClient = Schema.Union([
  Schema.TaggedStruct("Request", {
    id,
    tag: Schema.String,
    payload: Schema.Unknown,
    headers: Schema.Array(Schema.mutable(Schema.Tuple([Schema.String, Schema.String]))),
    isNotification: Schema.optionalKey(Schema.Literal(true)),
    discard: Schema.optionalKey(Schema.Literal(true)),
    traceId: Schema.optionalKey(Schema.String),
    spanId: Schema.optionalKey(Schema.String),
    sampled: Schema.optionalKey(Schema.Boolean),
  }),
  acknowledgement,
  interrupt,
])
export type FromClient = typeof FromClient.Type

/** What a server says. */
export const FromServer = Schema.Union([
  Schema.TaggedStruct("Chunk", { requestId: id, values: hole<NonEmptyReadonlyArray<unknown>>() }),
  Schema.TaggedStruct("Exit", { requestId: id, exit: hole<ExitEncoded<unknown, unknown>>() }),
  Schema.TaggedStruct("Defect", { defect: Schema.Unknown }),
  interrupt,
  eof,
])
export type FromServer = typeof FromServer.Type

/**
 * The messages in the bytes that a peer sent, or what is wrong with them. What is none of the messages of this side is left
 * out, as that of a later version.
 */
const decodeWith =
  <A>(is: (u: unknown) => u is A) =>
  (parser: Parser, bytes: Uint8Array): ReadonlyArray<A> | Error => {
    try {
      return parser.decode(bytes).filter((message) => is(message))
    } catch (cause) {
      return cause instanceof Error ? cause : new Error(String(cause))
    }
  }

export const fromClient = decodeWith(Schema.is(FromClient))
export const fromServer = decodeWith(Schema.is(FromServer))
