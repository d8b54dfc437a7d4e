/**
 * What a peer that breaks the rules of the lanes, or just does not do its part, may cost: its link, and nothing else.
 */
import type { Frame } from "@coterie/core/Frame"
import type { Message, SessionEnded } from "@coterie/core/Message"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Stage, Stranger } from "./stranger.ts"
import { attack, enter, exit } from "./stranger.ts"
import * as World from "./world.ts"

const text = (of: string): Uint8Array => new TextEncoder().encode(of)

/** A whole message on a lane. */
const data = (lane: number, payload: Uint8Array, confirm?: number): Frame => ({
  _tag: "Data",
  lane,
  first: true,
  last: true,
  abort: false,
  payload,
  ...(confirm === undefined ? {} : { confirm }),
})

/** Reads a lane of the node from now on. */
const reading = Effect.fnUntraced(function* ({ a }: Stage, name: string) {
  const lane = yield* a.cluster.lane(name)
  const heard: Array<Message | SessionEnded> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), (item) => Effect.sync(() => heard.push(item))),
    {
      startImmediately: true,
    },
  )
  return { fiber, heard, texts: () => heard.flatMap((item) => (item._tag === "Message" ? [item.text] : [])) }
})

/** The number under which the node has opened a lane. */
const numberOf = Effect.fnUntraced(function* (stranger: Stranger, name: string) {
  while (true) {
    const { lanes } = yield* stranger.hearOf("LaneOpen")
    const found = lanes.find((each) => each.name === name)
    if (found !== undefined) return found.lane
  }
})

const moved: Frame = { _tag: "Bye", code: "duplicate", message: "" }

describe("connections that replace each other", () => {
  attack(
    "what comes late on the replaced one is not read by who reads the lane later, and not said to be taken",
    (stage) =>
      Effect.gen(function* () {
        const before = yield* reading(stage, "orders")
        const first = yield* stage.connect
        yield* enter(first)
        const onFirst = yield* numberOf(first, "orders")
        const second = yield* stage.connect
        yield* enter(second, "m", { linkEpoch: 2 })
        const onSecond = yield* numberOf(second, "orders")
        assert.strictEqual((yield* first.hearOf("Bye")).code, "duplicate")
        yield* Fiber.interrupt(before.fiber)
        yield* second.hearOf("LaneClose")
        // Said while its reader had gone, and before the peer knew it.
        yield* first.say(data(onFirst, text("nobody"), 1))
        yield* Effect.sleep("100 millis")
        const after = yield* reading(stage, "orders")
        const again = yield* numberOf(second, "orders")
        yield* first.say(data(onFirst, text("early")))
        yield* second.say(data(onSecond, text("between")))
        yield* first.say(moved)
        yield* first.end
        yield* second.say({ _tag: "LaneClosed", lane: onSecond })
        yield* second.say(data(again, text("late")))
        assert.notInclude(
          (yield* first.hearAll).map(({ _tag }) => _tag),
          "Taken",
        )
        yield* World.eventually(() => after.texts().length > 0)
        assert.deepStrictEqual(after.texts(), ["late"])
        yield* exit(second)
      }),
  )

  attack(
    "that many leave more behind than is kept loses the end of a session, and not its middle",
    ({ a, connect }) =>
      Effect.gen(function* () {
        let said = 0
        let before: Stranger | undefined
        const heard: Array<Message> = []
        for (let linkEpoch = 1; linkEpoch <= 8; linkEpoch++) {
          const stranger = yield* connect
          yield* enter(stranger, "m", { linkEpoch })
          if (before !== undefined) {
            yield* before.hearOf("Bye")
            yield* before.say(moved)
            yield* before.end
            yield* before.hearAll
          }
          for (let i = 0; i < 3; i++) yield* stranger.say(data(0, text(String(said++).padEnd(250))))
          before = stranger
          // The reader comes late, and from then on nothing is too much.
          if (linkEpoch !== 7) continue
          yield* Effect.forkScoped(
            Stream.runForEach(a.cluster.inbox, (message) => Effect.sync(() => heard.push(message))),
          )
        }
        if (before !== undefined) yield* exit(before)
        yield* World.eventually(() => heard.some((message) => Number(message.text) === said - 1))
        assert.isBelow(heard.length, said, "something had to be lost")
        for (const [i, { session, text }] of heard.entries()) {
          const last = heard[i - 1]
          if (last?.session === session) assert.strictEqual(Number(text), Number(last.text) + 1, "a gap in a session")
        }
      }),
    { limits: { inboxWindow: 1_024, messageBytes: 2_000 } },
  )
})
