/**
 * The bytes of an event stream (server-sent events). All streams share the bytes of an event, so that many readers cost no more
 * memory and little more time than one.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { NodeEvent } from "../../Report.ts"

/** Time between two heartbeats of an event stream. Proxies end connections that are silent for a minute. */
const heartbeat = Duration.seconds(15)

const heartbeats: Stream.Stream<NodeEvent> = Stream.mapEffect(Stream.fromSchedule(Schedule.spaced(heartbeat)), () =>
  Effect.map(Clock.currentTimeMillis, (at) => ({ event: "heartbeat", data: { at } })),
)

const encoder = new TextEncoder()

/** Bytes of the events that are still in use. */
const encoded = new WeakMap<NodeEvent, Uint8Array>()

/** Returns the bytes of an event. The bytes of the same object are the same, and must not be changed. */
export const encodeEvent = (each: NodeEvent): Uint8Array => {
  const known = encoded.get(each)
  if (known !== undefined) return known
  const { data, event, id } = each
  const bytes = encoder.encode(Sse.encoder.write({ _tag: "Event", id, event, data: JSON.stringify(data) }))
  encoded.set(each, bytes)
  return bytes
}

/**
 * A comment, which readers skip. Servers send the head of a response with its first bytes, and a stream that continues has no
 * event to begin with.
 */
const opening = encoder.encode(":\n\n")

/** Makes the response with the events, and with heartbeats in between. Its head is sent at once. */
export const eventStreamResponse = (events: Stream.Stream<NodeEvent>) => {
  const bytes = Stream.map(Stream.merge(events, heartbeats, { haltStrategy: "left" }), encodeEvent)
  return HttpServerResponse.stream(Stream.concat(Stream.succeed(opening), bytes), { contentType: "text/event-stream" })
}
