/**
 * Readable texts of the frames that nodes send to each other, for traces and pictures of a simulation.
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
 * Decoder of one connection. It receives the bytes of each side in order, in pieces of any size, and returns the frames
 * that they complete.
 *
 * @category models
 * @since 0.1.0
 */
export type Describe = (bytes: Uint8Array, side: Side) => ReadonlyArray<FrameText>

/**
 * The part of a `Topic` that the decoder uses. Every `Topic` matches.
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
  /**
   * Topics whose values are decoded. A message on another lane is shown as text if it is UTF-8, and otherwise as a
   * size.
   */
  readonly topics?: ReadonlyArray<ReadableTopic> | undefined
  /**
   * Serialization of the topics that have no serialization of their own. Use the one of the nodes. Defaults to
   * `TopicSerialization.json`.
   */
  readonly serialization?: TopicSerialization.Service | undefined
  /** Maximum length of a text in UTF-16 units. A longer text is cut. Defaults to {@link defaultTextLength}. */
  readonly textLength?: number | undefined
}

/**
 * Default of {@link Options.textLength}. A trace keeps thousands of texts, and the start of a text is usually enough.
 *
 * @category options
 * @since 0.1.0
 */
export const defaultTextLength = 400

/**
 * Describes the frames between nodes for a trace: `Hello`, `Update`, `Data orders` and so on. Returns a function that
 * makes the decoder of a connection. Pass it to a simulation as `describe`.
 *
 * **Details**
 *
 * Heartbeats (`Ping`, `Pong`) and `Credit` are marked as background, so that a picture can fold them. The text of a
 * fragmented message is at its last fragment. Bytes that break the protocol become one `ProtocolViolation` per
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

/** Control characters that a text may contain: tab and line ends. */
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
