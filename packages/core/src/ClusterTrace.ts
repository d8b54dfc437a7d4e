/**
 * Texts of what the nodes of a cluster send to each other, for traces and pictures of a simulation.
 *
 * ```ts
 * import { ClusterTrace, Topic } from "@coterie/core"
 * import { Simulation } from "@coterie/testkit"
 * import { Effect, Schema } from "effect"
 *
 * const Orders = Topic.make("orders", Schema.Struct({ id: Schema.String }))
 *
 * const describe = ClusterTrace.describe({ topics: [Orders] })
 * const scenario = Simulation.scenario("orders", { describe }, () => Effect.sleep("1 minute"))
 * ```
 *
 * @since 0.1.0
 */
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import type { Topic } from "./Topic.ts"
import * as TopicSerialization from "./TopicSerialization.ts"
import { ConnectionTracer, type FrameText, type PayloadText } from "./trace/ConnectionTracer.ts"
import type { Side } from "./trace/LaneNames.ts"

export type { FrameText } from "./trace/ConnectionTracer.ts"
export type { Side } from "./trace/LaneNames.ts"

/**
 * Decoder of one connection. It receives the bytes of each side in their order, in pieces of any size, and returns the frames
 * that they complete.
 *
 * @category models
 * @since 0.1.0
 */
export type Describe = (bytes: Uint8Array, side: Side) => ReadonlyArray<FrameText>

/**
 * A topic as far as its values are read: any `Topic`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadableTopic extends Pick<Topic<unknown>, "name" | "serialization"> {
  readonly codec: (serialization: TopicSerialization.Service) => Pick<TopicSerialization.TopicCodec<unknown>, "decode">
}

/**
 * Options of {@link describe}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Topics whose values are decoded. A message of any other lane is text if it is UTF-8, and else a size. */
  readonly topics?: ReadonlyArray<ReadableTopic> | undefined
  /** Serialization of the topics that have none of their own, as the nodes use it. Defaults to `TopicSerialization.json`. */
  readonly serialization?: TopicSerialization.Service | undefined
  /** Maximum length of a text in UTF-16 units; a longer text is cut. Defaults to {@link defaultTextLength}. */
  readonly textLength?: number | undefined
}

/**
 * Default of {@link Options.textLength}: a trace keeps thousands of texts, and a reader needs the begin of one.
 *
 * @category options
 * @since 0.1.0
 */
export const defaultTextLength = 400

/**
 * Describes the frames between nodes for a trace: `Hello`, `Update`, `Data orders` and so on. Returns a function that makes the
 * decoder of a connection; `describe` of a simulation takes this function.
 *
 * **Details**
 *
 * Heartbeats (`Ping`, `Pong`) and `Credit` are marked as background, so that a picture folds them away. A message in several
 * fragments has its text at the last fragment. Bytes that break the protocol are a `ProtocolViolation`, once per
 * direction.
 *
 * @category constructors
 * @since 0.1.0
 */
export const describe = (options: Options = {}): (() => Describe) => {
  const { textLength = defaultTextLength } = options
  const payloadText = payloadTextOf(options)
  return () => {
    const tracer = new ConnectionTracer(payloadText)
    return (bytes, side) =>
      tracer.receive(bytes, side).map((frame) => ({ ...frame, text: frame.text.slice(0, textLength) }))
  }
}

const utf8Decoder = new TextDecoder("utf-8", { fatal: true })

/** Characters below the space that text has: tab and the ends of lines. */
const textControls = new Set(["\t", "\n", "\r"])

const isText = (text: string): boolean =>
  [...text].every((character) => character >= " " || textControls.has(character))

const textOf = (payload: Uint8Array): string => {
  try {
    const text = utf8Decoder.decode(payload)
    if (isText(text)) return text
  } catch {
    // Bytes that are not UTF-8.
  }
  return `${payload.length} bytes`
}

const payloadTextOf = ({ serialization = TopicSerialization.json, topics = [] }: Options): PayloadText => {
  const codecs = new Map(
    topics.map((topic) => [topic.name, topic.codec(topic.serialization ?? serialization)] as const),
  )
  return (lane, payload) => {
    const value = codecs.get(lane)?.decode(payload)
    if (value === undefined) return textOf(payload)
    return Result.isSuccess(value) ? Formatter.format(value.success) : `does not decode: ${value.failure.message}`
  }
}
