import { Simulation, Trace } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { chat } from "../simulation/chat/scenario.ts"

describe("a chat room in a simulation", () => {
  it.sim(chat, { seeds: 20 })

  it.live("has a picture that describes the frames of the cluster and the lines", () =>
    Effect.gen(function* () {
      const { trace } = yield* Simulation.run(chat, { seed: 1, trace: true })
      assert.isDefined(trace)
      const messages = trace.events.flatMap((event) => (event._tag === "Sent" ? (event.messages ?? []) : []))
      const kinds = new Set(messages.map(({ kind }) => kind))
      for (const kind of ["Hello", "HelloAck", "Ready", "LaneOpen", "Data lines"]) assert.include(kinds, kind)
      const { text } = messages.find(({ kind }) => kind === "Data lines") ?? assert.fail("no line was sent")
      assert.match(text, /^\{"number":\d+,"text":"hello"\}$/)
      assert.isTrue(messages.some(({ background, kind }) => kind === "Ping" && background === true))
      assert.isFalse(messages.some(({ kind }) => kind === "ProtocolViolation"))
      assert.include(Trace.toHtml(trace), "ben is killed")
    }),
  )
})
