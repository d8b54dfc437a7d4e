import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Replaced, type SendError } from "../../src/ClusterError.ts"
import { makeView } from "../../src/ClusterEvent.ts"
import { type Extra, type Refusal, SendLane } from "../../src/flow/SendLane.ts"
import { WriteQueue } from "../../src/flow/WriteQueue.ts"
import type { Link } from "../../src/link/Link.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as State from "../../src/membership/State.ts"
import { Sender, toBytes } from "../../src/messaging/Sender.ts"
import { inboxName } from "../../src/protocol/constants.ts"
import { recordOf } from "../membership/support.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"
import { initial } from "../peering/support.ts"

/** Records that the lane has accepted the message, as a lane does in the same step. */
const accept = (extra: Extra | undefined): void => {
  if (extra?.acceptance !== undefined) extra.acceptance.isAccepted = true
}

/**
 * Makes a lane of a peer that accepts `capacity` messages at once. Further messages wait, or end with the result of
 * `offer`.
 */
class LimitedLane extends SendLane {
  readonly accepted: Array<number> = []
  readonly extras: Array<Extra | undefined> = []
  private readonly capacity: number
  private readonly whenFull: (extra?: Extra) => Effect.Effect<void, Refusal>

  constructor(
    capacity: number,
    whenFull: (extra?: Extra) => Effect.Effect<void, Refusal> = () => Effect.never,
    format?: string,
  ) {
    super({
      number: 1,
      name: "orders",
      format,
      window: 4_096,
      queue: new WriteQueue({ limit: 1, wake: () => undefined }),
    })
    this.capacity = capacity
    this.whenFull = whenFull
  }

  override tryOffer(payload: Uint8Array, extra?: Extra): boolean {
    if (this.accepted.length >= this.capacity) return false
    this.accepted.push(payload.length)
    this.extras.push(extra)
    accept(extra)
    return true
  }

  override offer(_: Uint8Array, extra?: Extra): Effect.Effect<void, Refusal> {
    return this.whenFull(extra)
  }
}

/** Returns the state of a node that lists these peers. */
const knowing = (...names: ReadonlyArray<string>): State.State => {
  const members = new Map(names.map((name) => [name, Member.make(record(1, name), "Linked")]))
  const peers = [...members.values()].map(Member.toPeer)
  return { ...initial, members, view: makeView({ self: initial.view.self, peers }) }
}

const linkTo = (name: string, inbox: SendLane, orders?: SendLane): Link =>
  fakeLink({ peer: record(1, name), session: () => session, inbox, lane: () => orders })

const session = { session: 7 }

/** Makes a sender over these links. */
const make = Effect.fnUntraced(function* (
  links: ReadonlyArray<Link>,
  state = knowing(...links.map(({ peer }) => peer.name)),
  loopback: Link = linkTo("a", new LimitedLane(9), new LimitedLane(9)),
  takeover: () => Effect.Effect<void> | undefined = () => undefined,
) {
  const reported: Array<string> = []
  const clock = yield* Clock.Clock
  const counted: Array<string> = []
  const failures: Array<string> = []
  const sender = new Sender({
    loop: { state: () => state },
    links: {
      current: (name) => links.find(({ peer }) => peer.name === name),
      takeover,
    },
    loopback,
    limits: { confirmTimeout: 1_000, messageBytes: 100, slowPeerTimeout: 500 },
    clock,
    tracing: false,
    onConfirmed: (outcome) => reported.push(outcome),
    onSlowPeer: ({ bytes, lane, peer, waited }) =>
      reported.push(`slow ${peer.name} "${lane}" ${Duration.toMillis(waited)} ms ${bytes} bytes`),
    sent: (lane) => ({ add: (bytes) => counted.push(`${bytes} bytes on "${lane}"`) }),
    onPublishFailed: (lane, reason) => failures.push(`${reason} on "${lane}"`),
    onSkipped: (lane) => reported.push(`skipped "${lane}"`),
  })
  yield* Effect.forkChild(sender.watch)
  return { counted, failures, sender, reported }
})

const reasonOf = <A>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

describe("a message to one peer", () => {
  it.effect("succeeds with its session when the link has accepted it", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(1)
      const { sender } = yield* make([linkTo("b", inbox)])
      assert.deepStrictEqual(yield* sender.send(inboxName, "b", "hello"), session)
      assert.deepStrictEqual(inbox.accepted, [5])
    }),
  )

  it.effect("fails with the reason if there is no link", () =>
    Effect.gen(function* () {
      const { sender } = yield* make([], {
        ...knowing("b"),
        tombstones: new Map([["c", { ...recordOf("c", { status: "left" }), expiresAt: 0, met: 0 }]]),
      })
      for (const [name, reason] of [
        ["b", "NotConnected"],
        ["c", "PeerLeft"],
        ["d", "UnknownPeer"],
      ] as const) {
        assert.strictEqual(yield* reasonOf(sender.send(inboxName, name, "x")), reason, name)
      }
    }),
  )

  it.effect("reaches readers of its format and readers without a format, and all readers if it has no format", () =>
    Effect.gen(function* () {
      const [json, binary, any] = [
        new LimitedLane(9, undefined, "json"),
        new LimitedLane(9, undefined, "binary"),
        new LimitedLane(9),
      ]
      const links = [json, binary, any].map((orders, i) => linkTo("bcd"[i] ?? "", new LimitedLane(9), orders))
      const { sender, reported } = yield* make(links)
      yield* sender.send("orders", "b", "x", undefined, "json")
      const refused = yield* Effect.flip(sender.send("orders", "c", "x", { confirm: true }, "json"))
      assert.deepStrictEqual([refused.peer, refused.lane, refused.maybeDelivered], ["c", "orders", false])
      assert.deepInclude(refused.reason, { _tag: "IncompatibleFormat", format: "json", peerFormat: "binary" })
      const { failed, sent } = yield* sender.publish("orders", "y", {}, "json")
      assert.deepStrictEqual(sent, ["b", "d"])
      assert.deepStrictEqual(
        failed.map(({ peer, reason }) => [peer, reason._tag]),
        [["c", "IncompatibleFormat"]],
      )
      assert.deepStrictEqual((yield* sender.publish("orders", "z")).sent, ["b", "c", "d"])
      assert.deepStrictEqual(reported, ["IncompatibleFormat"], "only the outcome of the confirmed send")
      assert.deepStrictEqual(
        [json, binary, any].map(({ accepted }) => accepted.length),
        [3, 1, 2],
      )
    }),
  )

  it.effect("is too large only beyond the limit", () =>
    Effect.gen(function* () {
      const { sender } = yield* make([linkTo("b", new LimitedLane(9))])
      yield* sender.send(inboxName, "b", new Uint8Array(100))
      assert.strictEqual(yield* reasonOf(sender.send(inboxName, "b", new Uint8Array(101))), "TooLarge")
    }),
  )

  it.effect("fails as NodeStopped once this node has left", () =>
    Effect.gen(function* () {
      const state: State.State = { ...initial, phase: { _tag: "Stopped", reason: "left" } }
      const { sender } = yield* make([], state)
      assert.strictEqual(yield* reasonOf(sender.send(inboxName, "b", "x")), "NodeStopped")
      assert.strictEqual(yield* reasonOf(sender.publish(inboxName, "x")), "NodeStopped")
    }),
  )

  it.effect("fails as NotReading if the peer does not read the lane", () =>
    Effect.gen(function* () {
      const { sender } = yield* make([linkTo("b", new LimitedLane(9))])
      assert.strictEqual(yield* reasonOf(sender.send("orders", "b", "x")), "NotReading")
    }),
  )

  it.effect("with confirm fails as ConfirmTimeout, and reports whether it may have been delivered", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(1)
      const { sender, reported } = yield* make([linkTo("b", inbox)])
      assert.strictEqual(yield* reasonOf(sender.send(inboxName, "b", "x", { confirm: true })), "ConfirmTimeout")
      assert.deepStrictEqual(reported, ['slow b "" 500 ms 1 bytes', "ConfirmTimeout"])
      assert.isDefined(inbox.extras[0]?.acknowledgement)
    }).pipe(VirtualTime.flow),
  )
})

describe("a message with confirm that the reader does not take", () => {
  it.effect("is reported once until the reader takes a message, and makes messages to many wait no more", () =>
    Effect.gen(function* () {
      const orders = new LimitedLane(3)
      const { sender, reported } = yield* make([linkTo("b", new LimitedLane(9), orders)])
      const options = { confirm: true, timeout: Duration.infinity }
      yield* Effect.forkChild(sender.send("orders", "b", "one", options))
      yield* Effect.forkChild(sender.send("orders", "b", "two", options))
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(reported, ['slow b "orders" 500 ms 6 bytes'])
      const start = yield* Clock.currentTimeMillis
      assert.deepStrictEqual((yield* sender.publish("orders", "x")).sent, ["b"], "there is credit")
      assert.strictEqual((yield* sender.publish("orders", "x")).failed[0]?.reason._tag, "SlowPeer")
      assert.strictEqual((yield* Clock.currentTimeMillis) - start, 0)
      orders.taking.advance()
      orders.taking.clear()
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(reported.slice(1), ['skipped "orders"', 'slow b "orders" 500 ms 6 bytes'])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is not reported while the reader takes others, or once it has failed", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(9)
      const { sender, reported } = yield* make([linkTo("b", inbox)])
      yield* Effect.forkChild(sender.send(inboxName, "b", "x", { confirm: true, timeout: "2 seconds" }))
      for (let i = 0; i < 4; i++) {
        yield* Effect.sleep(450)
        inbox.taking.advance()
      }
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(reported, ["ConfirmTimeout"])
    }).pipe(VirtualTime.flow),
  )
})

describe("a message that failed", () => {
  const outcomeOf = <A>(sending: Effect.Effect<A, SendError>) =>
    Effect.map(Effect.flip(sending), ({ maybeDelivered, reason }) => [reason._tag, maybeDelivered] as const)

  it.effect("while it waited for credit was not delivered", () =>
    Effect.gen(function* () {
      for (const [refusal, reason] of [
        ["closed", "LinkLost"],
        ["unread", "NotReading"],
      ] as const) {
        const { sender } = yield* make([linkTo("b", new LimitedLane(0, () => Effect.fail(refusal)))])
        for (const options of [{}, { confirm: true }]) {
          assert.deepStrictEqual(yield* outcomeOf(sender.send(inboxName, "b", "x", options)), [reason, false])
        }
      }
    }),
  )

  it.effect("because its session ended while a link accepted it may have been delivered", () =>
    Effect.gen(function* () {
      const sessions = [{ session: 1 }, { session: 2 }]
      const inbox = new LimitedLane(0, () => Effect.void)
      const link = fakeLink({ peer: record(1, "b"), session: () => sessions.shift() ?? { session: 3 }, inbox })
      const { sender } = yield* make([link])
      assert.deepStrictEqual(yield* outcomeOf(sender.send(inboxName, "b", "x")), ["LinkLost", true])
    }),
  )

  it.effect("before its confirmation arrived may have been delivered", () =>
    Effect.gen(function* () {
      for (const [refusal, reason] of [
        ["closed", "LinkLost"],
        ["unread", "NotReading"],
      ] as const) {
        const inbox = new LimitedLane(1)
        const { sender } = yield* make([linkTo("b", inbox)])
        const sending = yield* Effect.forkChild(outcomeOf(sender.send(inboxName, "b", "x", { confirm: true })), {
          startImmediately: true,
        })
        const result = inbox.extras[0]?.acknowledgement?.result
        if (result !== undefined) yield* Deferred.fail(result, refusal)
        assert.deepStrictEqual(yield* Fiber.join(sending), [reason, true])
      }
    }),
  )

  it.effect("because its confirmation timed out may have been delivered, unless it still waited for credit", () =>
    Effect.gen(function* () {
      for (const [capacity, isAccepted] of [
        [1, true],
        [0, false],
      ] as const) {
        const { sender } = yield* make([linkTo("b", new LimitedLane(capacity))])
        const sending = sender.send(inboxName, "b", "x", { confirm: true, timeout: "2 seconds" })
        const error = yield* Effect.flip(sending)
        assert.deepStrictEqual([error.reason._tag, error.maybeDelivered], ["ConfirmTimeout", isAccepted])
        assert.include(error.message, "within 2s")
      }
    }).pipe(VirtualTime.flow),
  )
})

describe("a message to one generation of a peer", () => {
  it.effect("reaches that generation, and fails as Replaced if a newer generation uses the name", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(9)
      const newer = fakeLink({ peer: record(2, "b"), session: () => session, inbox })
      const { sender } = yield* make([newer], knowing("b"))
      yield* sender.send(inboxName, { name: "b", generation: 2 }, "x")
      yield* sender.send(inboxName, "b", "x")
      const old = { name: "b", generation: 1 }
      for (const send of [
        sender.send(inboxName, old, "x"),
        sender.send(inboxName, old, "x", { confirm: true }),
        sender.sendAll(old, ["x"]),
        sender.ready(inboxName, old),
      ]) {
        const { reason } = yield* Effect.flip(Effect.asVoid(send))
        assert.deepStrictEqual(reason, new Replaced({ generation: 1, replacedBy: 2 }))
      }
      assert.strictEqual(inbox.accepted.length, 2)
    }),
  )

  it.effect("fails as Replaced also without a link, and as NotConnected while its link is not up yet", () =>
    Effect.gen(function* () {
      const older = fakeLink({ peer: record(1, "b"), session: () => session, inbox: new LimitedLane(9) })
      const { sender } = yield* make([older], knowing("b"))
      assert.strictEqual(yield* reasonOf(sender.send(inboxName, { name: "b", generation: 2 }, "x")), "NotConnected")
      const { sender: without } = yield* make([], knowing("b"))
      assert.strictEqual(yield* reasonOf(without.send(inboxName, { name: "b", generation: 0 }, "x")), "Replaced")
      assert.strictEqual(yield* reasonOf(without.send(inboxName, { name: "a", generation: 0 }, "x")), "Replaced")
    }),
  )
})

describe("many messages to one peer", () => {
  it.effect("are sent in order, or none of them if one is too large", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(9)
      const { sender } = yield* make([linkTo("b", inbox)])
      yield* sender.sendAll("b", ["1", "22", "333"])
      assert.deepStrictEqual(inbox.accepted, [1, 2, 3])
      assert.strictEqual(yield* reasonOf(sender.sendAll("b", ["1", new Uint8Array(101)])), "TooLarge")
      assert.deepStrictEqual(inbox.accepted, [1, 2, 3])
    }),
  )

  it.effect("report the number of messages accepted before the link refused one", () =>
    Effect.gen(function* () {
      const inbox = new LimitedLane(2, () => Effect.fail("closed"))
      const { sender } = yield* make([linkTo("b", inbox)])
      const error = yield* Effect.flip(sender.sendAll("b", ["1", "22", "333"]))
      assert.strictEqual(error.reason._tag, "LinkLost")
      assert.strictEqual(error.accepted, 2)
      assert.deepStrictEqual(inbox.accepted, [1, 2])
    }),
  )
})

describe("a message to many", () => {
  it.effect("reaches every peer, and skips a peer that gives no credit in time", () =>
    Effect.gen(function* () {
      const quick = new LimitedLane(1)
      const slow = new LimitedLane(0)
      const { counted, failures, sender, reported } = yield* make([linkTo("b", quick), linkTo("c", slow)])
      const { failed, sent } = yield* sender.publish(inboxName, "x")
      assert.deepStrictEqual(counted, ['1 bytes on ""'])
      assert.deepStrictEqual(failures, ['SlowPeer on ""'])
      assert.deepStrictEqual(sent, ["b"])
      assert.deepStrictEqual(
        failed.map(({ peer, reason }) => [peer, reason._tag]),
        [["c", "SlowPeer"]],
      )
      assert.deepStrictEqual(reported, ['slow c "" 500 ms 1 bytes', 'skipped ""'])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is sent if the lane accepts it at the moment of the timeout", () =>
    Effect.gen(function* () {
      // The send is interrupted after the step in which the lane accepts the message and before its end.
      const inbox = new LimitedLane(0, (extra) =>
        Effect.andThen(
          Effect.sync(() => accept(extra)),
          Effect.never,
        ),
      )
      const { sender, reported } = yield* make([linkTo("b", inbox)])
      assert.deepStrictEqual(yield* sender.publish(inboxName, "x"), { sent: ["b"], failed: [] })
      assert.deepStrictEqual(reported, [])
    }).pipe(VirtualTime.flow),
  )

  it.effect("does not wait again for a peer that has given no credit since", () =>
    Effect.gen(function* () {
      const slow = new LimitedLane(0)
      const { sender, reported } = yield* make([linkTo("b", slow)])
      yield* sender.publish(inboxName, "x")
      const start = yield* Clock.currentTimeMillis
      const again = yield* sender.publish(inboxName, "x")
      assert.strictEqual((yield* Clock.currentTimeMillis) - start, 0)
      assert.deepStrictEqual(
        again.failed.map(({ peer, reason }) => [peer, reason._tag === "SlowPeer" && Duration.toMillis(reason.waited)]),
        [["b", 0]],
      )
      slow.slowness.clear()
      slow.slowness.grant()
      yield* sender.publish(inboxName, "x")
      assert.strictEqual((yield* Clock.currentTimeMillis) - start, 500)
      assert.deepStrictEqual(reported, [
        'slow b "" 500 ms 1 bytes',
        'skipped ""',
        'skipped ""',
        'slow b "" 500 ms 1 bytes',
        'skipped ""',
      ])
    }).pipe(VirtualTime.flow),
  )

  /** Returns a function that replaces the only link, which leads to `b`. */
  const connectIn = (links: Array<Link>) => (lane: SendLane) => void links.splice(0, 1, linkTo("b", lane))

  /** Publishes once. Returns the reason of the failure, and the time that it took, in milliseconds. */
  const timed = (sender: Sender) =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const { failed } = yield* sender.publish(inboxName, "x")
      return [failed[0]?.reason._tag, (yield* Clock.currentTimeMillis) - start] as const
    })

  it.effect("waits for links on which a peer gives no credit no longer than three timeouts, and once for each", () =>
    Effect.gen(function* () {
      const links: Array<Link> = []
      const connect = connectIn(links)
      const { sender, reported } = yield* make(links, knowing("b"))
      // Each link ends while a message waits, or the peer stops reading.
      for (const why of ["closed", "unread"] as const) {
        connect(new LimitedLane(0, () => Effect.andThen(Effect.sleep(200), Effect.fail(why))))
        assert.strictEqual((yield* timed(sender))[1], 200)
      }
      for (const waited of [500, 500, 100, 0]) {
        connect(new LimitedLane(0))
        assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", waited])
        assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 0])
      }
      const slow = 'slow b "" 500 ms 1 bytes'
      assert.deepStrictEqual(
        reported.filter((report) => report !== 'skipped ""'),
        [slow, slow],
        "a peer is slow after the whole timeout only",
      )
      const generous = new LimitedLane(0)
      generous.slowness.grant()
      connect(generous)
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 500])
    }).pipe(VirtualTime.flow),
  )

  it.effect("has waited in vain for a lane if the message goes to another link instead", () =>
    Effect.gen(function* () {
      const links: Array<Link> = []
      const connect = connectIn(links)
      const { sender } = yield* make(links, knowing("b"))
      const moving = () =>
        new LimitedLane(0, () =>
          Effect.andThen(Effect.sleep(400), () => {
            connect(new LimitedLane(1))
            return Effect.fail("moved" as const)
          }),
        )
      for (const waited of [400, 400, 400]) {
        connect(moving())
        assert.deepStrictEqual(yield* timed(sender), [undefined, waited])
      }
      connect(moving())
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 300])
    }).pipe(VirtualTime.flow),
  )

  it.effect("waits for connections no longer than three timeouts", () =>
    Effect.gen(function* () {
      const state = { pending: true }
      const { sender } = yield* make([], knowing("b"), undefined, () =>
        state.pending
          ? Effect.andThen(
              Effect.sleep(200),
              Effect.sync(() => (state.pending = false)),
            )
          : undefined,
      )
      for (const waited of [200, 200, 200, 200, 200, 200, 200, 100, 0]) {
        state.pending = true
        assert.deepStrictEqual(yield* timed(sender), ["NotConnected", waited])
      }
    }).pipe(VirtualTime.flow),
  )

  it.effect("has waited in vain if the peer has given credit for less than a frame", () =>
    Effect.gen(function* () {
      const acceptAfter = (millis: number, then: () => void) => (extra?: Extra) =>
        Effect.andThen(
          Effect.sleep(millis),
          Effect.sync(() => {
            accept(extra)
            then()
          }),
        )
      const lane = new LimitedLane(
        0,
        acceptAfter(300, () => undefined),
      )
      const { sender } = yield* make([linkTo("b", lane)])
      assert.deepStrictEqual(yield* timed(sender), [undefined, 300])
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 200])
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 0])
      const generous: SendLane = new LimitedLane(
        0,
        acceptAfter(300, () => generous.slowness.grant()),
      )
      const { sender: another } = yield* make([linkTo("b", generous)])
      for (let i = 0; i < 9; i++) assert.deepStrictEqual(yield* timed(another), [undefined, 300])
    }).pipe(VirtualTime.flow),
  )

  it.effect("waits as long again after a wait in vain in which the peer has given credit", () =>
    Effect.gen(function* () {
      const lane: SendLane = new LimitedLane(0, () =>
        Effect.andThen(Effect.sleep(300), () => {
          lane.slowness.grant()
          return Effect.never
        }),
      )
      const { sender, reported } = yield* make([linkTo("b", lane)])
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 500])
      assert.notInclude(reported.join(), "slow b", "a peer that gives credit is not slow")
    }).pipe(VirtualTime.flow),
  )

  it.effect("that is interrupted has waited, too", () =>
    Effect.gen(function* () {
      const { sender, reported } = yield* make([linkTo("b", new LimitedLane(0))])
      const short = Effect.timeoutOption(sender.publish(inboxName, "x"), 300)
      yield* Effect.all([short, Effect.delay(short, 150)], { concurrency: 2 })
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 50])
      assert.deepStrictEqual(reported, ['slow b "" 500 ms 1 bytes', 'skipped ""'])
    }).pipe(VirtualTime.flow),
  )

  it.effect("reports a peer as slow although all messages that waited for it were interrupted", () =>
    Effect.gen(function* () {
      const { sender, reported } = yield* make([linkTo("b", new LimitedLane(0))])
      const short = Effect.timeoutOption(sender.publish(inboxName, "x"), 190)
      // Nothing waits for ten milliseconds in between, and the last two overlap.
      const starts = [0, 200, 380]
      yield* Effect.forEach(starts, (start) => Effect.delay(short, start), { concurrency: "unbounded" })
      assert.deepStrictEqual(reported, [])
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 0])
      assert.deepStrictEqual(reported, ['slow b "" 500 ms 1 bytes', 'skipped ""'])
    }).pipe(VirtualTime.flow),
  )

  it.effect("does not wait for a peer after a send to it has timed out", () =>
    Effect.gen(function* () {
      const { sender, reported } = yield* make([linkTo("b", new LimitedLane(0))])
      yield* Effect.forkChild(sender.send(inboxName, "b", "four"))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(reported, ['slow b "" 500 ms 4 bytes'])
      assert.deepStrictEqual(yield* timed(sender), ["SlowPeer", 0])
    }).pipe(VirtualTime.flow),
  )

  it.effect("on a lane reaches only its readers, and reports a peer without a link", () =>
    Effect.gen(function* () {
      const orders = new LimitedLane(1)
      const inbox = new LimitedLane(9)
      const reads = linkTo("b", inbox, orders)
      const readsNot = linkTo("c", inbox)
      const { sender } = yield* make([reads, readsNot], knowing("b", "c", "d"))
      const { failed, sent } = yield* sender.publish("orders", "x")
      assert.deepStrictEqual(sent, ["b"])
      assert.deepStrictEqual(
        failed.map(({ peer, reason }) => [peer, reason._tag]),
        [["d", "NotConnected"]],
      )
      assert.deepStrictEqual(inbox.accepted, [])
    }),
  )
})

describe("a message to the node itself", () => {
  it.effect("is reported if the readers of this node do not take it", () =>
    Effect.gen(function* () {
      const loopback = fakeLink({ peer: initial.self, session: () => session, inbox: new LimitedLane(0) })
      const { sender, reported } = yield* make([], knowing(), loopback)
      yield* Effect.forkChild(sender.send(inboxName, initial.self.name, "x"))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(reported, [`slow ${initial.self.name} "" 500 ms 1 bytes`])
    }).pipe(VirtualTime.flow),
  )

  it.effect("uses the loopback, and a message to many uses it only with self", () =>
    Effect.gen(function* () {
      const { sender } = yield* make([linkTo("b", new LimitedLane(9))])
      assert.deepStrictEqual(yield* sender.send(inboxName, "a", "x"), session)
      assert.deepStrictEqual((yield* sender.publish(inboxName, "x")).sent, ["b"])
      assert.deepStrictEqual((yield* sender.publish(inboxName, "x", { self: true })).sent, ["a", "b"])
    }),
  )
})

it("the bytes of a message are not copied", () => {
  const bytes = Uint8Array.of(1, 2)
  assert.strictEqual(toBytes(bytes), bytes)
})
