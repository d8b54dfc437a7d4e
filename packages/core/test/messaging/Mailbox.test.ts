import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ReadEnd } from "../../src/link/Intake.ts"
import * as Mailboxes from "../../src/messaging/Mailbox.ts"
import type { Message, SessionEnded } from "../../src/Message.ts"
import { fakeLink, record } from "../link/fakeLink.ts"

const kept = 1_000_000

const costOfOne = 10

/** Links whose messages come into one mailbox, and what it gave back for them. */
const make = Effect.fnUntraced(function* (links: number) {
  const mailbox = yield* Mailboxes.make<SessionEnded>(kept)
  const peers = Array.from({ length: links }, (_, i) => {
    const taken = { cost: 0, confirm: 0 }
    const lane: ReadEnd = {
      name: undefined,
      isOpen: true,
      taken: ({ confirm, cost }) => {
        taken.cost += cost
        if (confirm !== undefined) taken.confirm = confirm
      },
    }
    const link = fakeLink({ peer: record(1, `peer-${i}`), session: () => ({ session: i }) })
    let confirms = 0
    return {
      link,
      taken,
      confirms: () => confirms,
      brings: (number: number, isConfirmed = false) => {
        const payload = new Uint8Array(4)
        new DataView(payload.buffer).setUint32(0, number)
        const confirm = isConfirmed ? ++confirms : undefined
        mailbox.offer(link, lane, { _tag: "Arrived", payload, cost: costOfOne, confirm, trace: undefined })
      },
    }
  })
  const numberOf = ({ payload }: Message): number => new DataView(payload.buffer).getUint32(0)
  const told = (each: Message | SessionEnded) =>
    each._tag === "Message" ? ([each.from.name, numberOf(each)] as const) : ([each.from.name, "end"] as const)
  /** What the next pull of a reader brings. */
  const pull = Effect.scoped(Effect.flatten(Stream.toPull(mailbox.stream)))
  return { mailbox, peers, pull, told }
})

const Picks = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))), {
  maxLength: 300,
})

it.effect.prop(
  "messages and marks come out in the order in which they came in, whatever is read between, and all is given back",
  [Picks],
  ([picks]) =>
    Effect.gen(function* () {
      const { mailbox, peers, pull, told } = yield* make(3)
      const brought: Array<readonly [string, number | string]> = []
      const seen: Array<readonly [string, number | string]> = []
      let number = 0
      for (const pick of picks) {
        const peer = peers[pick % peers.length]
        if (peer === undefined) continue
        const { name } = peer.link.peer
        if (pick < 5) {
          mailbox.mark({ _tag: "SessionEnded", from: { name, generation: 1 }, session: 0 })
          brought.push([name, "end"])
        } else if (pick < 15) {
          if (seen.length < brought.length) seen.push(...(yield* pull).map(told))
        } else {
          // Runs of one link, as they come from its reader.
          for (let run = (pick % 7) * (pick % 11); run >= 0; run--) {
            peer.brings(number, run % 3 === 1)
            brought.push([name, number++])
          }
        }
      }
      while (seen.length < brought.length) seen.push(...(yield* pull).map(told))
      assert.deepStrictEqual(seen, brought)
      assert.strictEqual(
        peers.reduce((sum, { taken }) => sum + taken.cost, 0),
        costOfOne * number,
      )
      for (const { confirms, taken } of peers) assert.strictEqual(taken.confirm, confirms())
    }),
)

it.effect("a pull brings at most 256 messages, and no less than half of that if they are there", () =>
  Effect.gen(function* () {
    for (const run of [1, 7, 127, 128, 129, 1_000]) {
      const { peers, pull } = yield* make(2)
      for (let number = 0; number < 2_000; number++) peers[Math.floor(number / run) % 2]?.brings(number)
      for (let left = 2_000; left > 0;) {
        const { length } = yield* pull
        assert.isAtMost(length, 256)
        assert.isAtLeast(length, Math.min(left, 128))
        left -= length
      }
    }
  }),
)

it.effect("what was not pulled is not given back, so that the sender of a slow reader has to wait", () =>
  Effect.gen(function* () {
    const { peers, pull } = yield* make(1)
    const [peer] = peers
    for (let number = 0; number < 1_000; number++) peer?.brings(number)
    assert.strictEqual(peer?.taken.cost, 0)
    const { length } = yield* pull
    assert.strictEqual(peer?.taken.cost, costOfOne * length)
  }),
)
