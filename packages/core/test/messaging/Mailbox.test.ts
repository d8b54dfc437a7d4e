import { assert, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ReadableLane } from "../../src/flow/ReceiveLanes.ts"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import * as Mailbox from "../../src/messaging/Mailbox.ts"
import type { Message, SessionEnded } from "../../src/Message.ts"
import { inboxName } from "../../src/protocol/constants.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"

const costOfOne = 10

/** Makes links whose messages arrive in one mailbox, and collects the credit that it returns. */
const make = (links: number, kept = 1_000_000) => {
  const mailbox = Mailbox.make<SessionEnded>({ kept })
  const peers = Array.from({ length: links }, (_, i) => {
    const taken = { cost: 0, confirm: 0 }
    const lane: ReadableLane = {
      name: inboxName,
      isOpen: true,
      acknowledge: ({ confirm, cost }) => {
        taken.cost += cost
        if (confirm !== undefined) taken.confirm = confirm
      },
    }
    const link = fakeLink({ peer: record(1, `peer-${i}`), session: () => ({ session: i }) })
    let confirms = 0
    const message = (number: number, confirm?: number): InboundMessage => {
      const payload = new Uint8Array(4)
      new DataView(payload.buffer).setUint32(0, number)
      return { payload, cost: costOfOne, confirm, trace: undefined, isOwned: true }
    }
    return {
      link,
      lane,
      message,
      taken,
      confirms: () => confirms,
      brings: (number: number, isConfirmed = false) =>
        mailbox.offer(link, lane, message(number, isConfirmed ? ++confirms : undefined)),
    }
  })
  const numberOf = ({ payload }: Message): number => new DataView(payload.buffer).getUint32(0)
  const simplified = (each: Message | SessionEnded) =>
    each._tag === "Message" ? ([each.from.name, numberOf(each)] as const) : ([each.from.name, "end"] as const)
  /** Takes the items of the next pull of a reader. */
  const pull = Effect.scoped(Effect.flatten(Stream.toPull(mailbox.stream)))
  return { mailbox, peers, pull, simplified }
}

const Picks = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))), {
  maxLength: 300,
})

it.effect.prop(
  "a reader gets messages and session ends in order at any read pattern, and all credit is returned",
  [Picks],
  ([picks]) =>
    Effect.gen(function* () {
      const { mailbox, peers, pull, simplified } = make(3)
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
          if (seen.length < brought.length) seen.push(...(yield* pull).map(simplified))
        } else {
          // Consecutive messages of one link, in the pattern of a link's reader.
          for (let run = (pick % 7) * (pick % 11); run >= 0; run--) {
            peer.brings(number, run % 3 === 1)
            brought.push([name, number++])
          }
        }
      }
      while (seen.length < brought.length) seen.push(...(yield* pull).map(simplified))
      assert.deepStrictEqual(seen, brought)
      assert.strictEqual(
        peers.reduce((sum, { taken }) => sum + taken.cost, 0),
        costOfOne * number,
      )
      for (const { confirms, taken } of peers) assert.strictEqual(taken.confirm, confirms())
    }),
)

it.effect("a pull takes at most 256 messages, and at least half of that if enough messages wait", () =>
  Effect.gen(function* () {
    for (const run of [1, 7, 127, 128, 129, 1_000]) {
      const { peers, pull } = make(2)
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

it.effect.prop(
  "messages received one by one arrive in order and return their credit individually, also between pulls",
  [Picks],
  ([picks]) =>
    Effect.gen(function* () {
      const { mailbox, peers, pull, simplified } = make(2)
      const brought: Array<readonly [string, number | string]> = []
      const seen: Array<readonly [string, number | string]> = []
      let number = 0
      for (const pick of picks) {
        const peer = peers[pick % peers.length]
        if (peer === undefined) continue
        if (pick < 60) {
          for (let run = pick % 5; run >= 0; run--) {
            peer.brings(number, run % 2 === 1)
            brought.push([peer.link.peer.name, number++])
          }
        } else if (seen.length < brought.length) {
          if (pick < 95) seen.push(simplified(yield* mailbox.receive))
          else seen.push(...(yield* pull).map(simplified))
        }
        assert.strictEqual(
          peers.reduce((sum, { taken }) => sum + taken.cost, 0),
          costOfOne * seen.length,
        )
      }
      while (seen.length < brought.length) seen.push(simplified(yield* mailbox.receive))
      assert.deepStrictEqual(seen, brought)
      for (const { confirms, taken } of peers) assert.strictEqual(taken.confirm, confirms())
    }),
)

it.effect("a message is confirmed once, when it is received, without the messages that still wait", () =>
  Effect.gen(function* () {
    const { mailbox, peers, pull } = make(1)
    const [peer] = peers
    if (peer === undefined) return assert.fail()
    const confirmed: Array<number | undefined> = []
    const lane: ReadableLane = { ...peer.lane, acknowledge: ({ confirm }) => void confirmed.push(confirm) }
    mailbox.offer(peer.link, lane, peer.message(1, 1))
    mailbox.offer(peer.link, lane, peer.message(2))
    yield* mailbox.receive
    assert.deepStrictEqual(confirmed, [1])
    yield* pull
    assert.deepStrictEqual(confirmed, [1, undefined])
  }),
)

it.effect("waiting receivers get one message each, and an interrupted receiver takes none", () =>
  Effect.gen(function* () {
    const { mailbox, peers, simplified } = make(1)
    const [peer] = peers
    const waiting = yield* Effect.forEach([0, 1, 2], () =>
      Effect.forkChild(mailbox.receive, { startImmediately: true }),
    )
    const [first, ...others] = waiting
    if (peer === undefined || first === undefined) return assert.fail()
    for (const number of [1, 2, 3]) peer.brings(number)
    yield* Fiber.interrupt(first)
    const got = yield* Effect.forEach(others, Fiber.join)
    assert.deepStrictEqual(
      [...got, yield* mailbox.receive].map((each) => simplified(each)[1]),
      [1, 2, 3],
    )
    yield* mailbox.end
    assert.isTrue(Exit.isFailure(yield* Effect.exit(mailbox.receive)))
  }),
)

it.effect("messages that were not pulled return no credit", () =>
  Effect.gen(function* () {
    const { peers, pull } = make(1)
    const [peer] = peers
    for (let number = 0; number < 1_000; number++) peer?.brings(number)
    assert.strictEqual(peer?.taken.cost, 0)
    const { length } = yield* pull
    assert.strictEqual(peer?.taken.cost, costOfOne * length)
  }),
)

it.effect("an ended link with too many unread bytes loses all of its messages, and no other link loses any", () =>
  Effect.gen(function* () {
    const { mailbox, peers, pull, simplified } = make(2, costOfOne)
    const [first, other] = peers
    if (first === undefined || other === undefined) return assert.fail()
    const second = { ...first, link: fakeLink({ peer: first.link.peer, session: () => ({ session: 9 }) }) }
    first.brings(1)
    assert.isTrue(mailbox.ended(first.link))
    mailbox.offer(second.link, second.lane, second.message(2))
    other.brings(3)
    mailbox.mark({ _tag: "SessionEnded", from: { name: "peer-1", generation: 1 }, session: 1 })
    mailbox.offer(second.link, second.lane, second.message(4))
    assert.isFalse(mailbox.ended(second.link))
    assert.deepStrictEqual((yield* pull).map(simplified), [
      ["peer-0", 1],
      ["peer-1", 3],
      ["peer-1", "end"],
    ])
    assert.strictEqual(first.taken.cost, 3 * costOfOne, "a lost message counts as taken")
  }),
)
