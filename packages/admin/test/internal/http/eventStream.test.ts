import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Stream from "effect/Stream"
import { encodeEvent } from "../../../src/internal/http/eventStream.ts"
import type { NodeEvent } from "../../../src/Report.ts"

const events: ReadonlyArray<NodeEvent> = [
  { event: "heartbeat", data: { at: 1 } },
  { id: "7-1", event: "Joined", data: { at: 2, event: { _tag: "Joined", name: "two\nlines" } } },
]

describe("the bytes of an event stream", () => {
  it.effect("are what a reader of server-sent events expects", () =>
    Effect.gen(function* () {
      const read = yield* Stream.fromIterable(events.map(encodeEvent)).pipe(
        Stream.decodeText(),
        Stream.pipeThroughChannel(Sse.decode()),
        Stream.runCollect,
      )
      assert.deepStrictEqual(
        read.map((each) => (each._tag === "Event" ? [each.id, each.event, JSON.parse(each.data)] : each)),
        events.map(({ data, event, id }) => [id, event, data]),
      )
    }),
  )

  it("are the same object for the same event, so that many readers share them", () => {
    for (const event of events) assert.strictEqual(encodeEvent(event), encodeEvent(event))
  })
})
