import { assert, describe, it } from "@effect/vitest"
import * as Address from "@coterie/core/Address"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Admission from "../../src/Admission.ts"
import type { HandshakeHost, NodeState } from "../../src/link/Handshake.ts"
import * as Handshake from "../../src/link/Handshake.ts"
import type { Frame, Hello, HelloAck, YouAreBelief } from "../../src/protocol/Frame.ts"
import { TransportError } from "../../src/Transport.ts"
import * as Traffic from "../../src/wire/Traffic.ts"
import { record } from "../peering/fakeLink.ts"
import { makeConnection, settle } from "./support.ts"

const self = record(5, "self")
const peer = record(7)
const address = Result.getOrThrow(Address.parse("host:24868"))

const accusation: YouAreBelief = { generation: 5, incarnation: 0, status: "suspect" }

interface State extends NodeState {
  readonly isRunning: boolean
}

type Host = HandshakeHost<State>

/** A host with the behavior of the options. */
const hostOf = (options: Partial<Host> = {}): Host => {
  let now: State = { self, instance: 4, viewHash: 2n, isRunning: true }
  return {
    label: "test",
    inboxWindowBytes: 4_096,
    linkTimeout: 500,
    admission: () => Effect.succeed(Admission.admit),
    state: () => now,
    isRunning: ({ isRunning }) => isRunning,
    introductionHash: ({ viewHash }) => viewHash,
    beliefAbout: () => undefined,
    hasLink: () => false,
    isDisconnected: () => false,
    judgeHello: () => undefined,
    judgePeer: () => undefined,
    refute: (youAre) =>
      Effect.sync(() => {
        if (youAre !== undefined) now = { ...now, self: { ...now.self, incarnation: youAre.incarnation + 1 } }
        return now
      }),
    meetNamesake: () => Effect.void,
    outlivesNamesake: () => true,
    onDialerRefusal: () => Effect.void,
    ...options,
  }
}

const hello: Hello = {
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "test",
  record: peer,
  instance: 9,
  linkEpoch: 3,
  dialedAddress: address,
  viewHash: 1n,
  window: 8_192,
  linkTimeout: 3_000,
}

const ack: HelloAck = {
  _tag: "HelloAck",
  version: 1,
  record: peer,
  instance: 9,
  viewHash: 1n,
  window: 8_192,
  linkTimeout: 3_000,
  observedHost: "203.0.113.9",
}

const ready: Frame = { _tag: "Ready", incarnation: 0, viewHash: 1n }

const begin = (
  shake: (exchange: Handshake.Exchange) => Effect.Effect<Handshake.Established, Handshake.HandshakeError>,
) =>
  Effect.gen(function* () {
    const other = yield* makeConnection
    const committed: Array<number> = []
    const fiber = yield* Effect.forkChild(
      shake({
        connection: other.connection,
        reader: other.reader(),
        sent: Traffic.make(),
        commit: (_, { epoch }) => committed.push(epoch),
      }),
    )
    yield* settle
    const says = (...frames: ReadonlyArray<Frame>) => Effect.suspend(() => (other.says(...frames), settle))
    const error = (): Handshake.HandshakeError | undefined => {
      const exit = fiber.pollUnsafe()
      return exit === undefined ? undefined : Option.getOrUndefined(Exit.findErrorOption(exit))
    }
    const reason = () => {
      const why = error()
      return why?._tag === "HandshakeRejected" ? why.code : why?.reason
    }
    const established = () => {
      const exit = fiber.pollUnsafe()
      return exit?._tag === "Success" ? exit.value : undefined
    }
    return { committed, error, established, other, reason, says, tags: () => other.written().map(({ _tag }) => _tag) }
  })

const dial = (
  host: Host,
  options: { readonly expected?: string; readonly join?: boolean; readonly stranger?: boolean } = {},
) =>
  begin((exchange) =>
    Handshake.dial(host, exchange, {
      address,
      epoch: 3,
      expected: options.expected,
      join: options.join ?? false,
      stranger: options.stranger ?? false,
    }),
  )

const accept = (host: Host) => begin((exchange) => Handshake.accept(host, exchange))

describe("the dialer's side of a handshake", () => {
  it.effect("sends Hello and Ready, and learns the peer and the observed host", () =>
    Effect.gen(function* () {
      const { committed, established, says, tags } = yield* dial(hostOf())
      assert.deepStrictEqual(tags(), ["Hello"])
      yield* says(ack)
      assert.deepStrictEqual(tags(), ["Hello", "Ready"])
      assert.deepStrictEqual(committed, [3])
      assert.isUndefined(established())
      yield* says(ready)
      assert.deepStrictEqual(established(), {
        peer,
        rank: { instance: 9, instances: [9, 4], epoch: 3, byLower: false },
        peerWindow: 8_192,
        peerLinkTimeout: 3_000,
        viewHash: 1n,
        youAre: undefined,
        observedHost: "203.0.113.9",
      })
    }),
  )

  it.effect("shows the hash of an introduction in its Hello, and that of the view in its Ready", () =>
    Effect.gen(function* () {
      const { other, says } = yield* dial(hostOf({ introductionHash: () => 7n }))
      yield* says(ack)
      assert.deepInclude(other.written()[0], { _tag: "Hello", viewHash: 7n })
      assert.deepInclude(other.written()[1], { _tag: "Ready", viewHash: 2n })
    }),
  )

  it.effect("refutes an accusation before its Ready", () =>
    Effect.gen(function* () {
      const { other, says } = yield* dial(hostOf())
      yield* says({ ...ack, youAre: accusation })
      assert.deepInclude(other.written()[1], { _tag: "Ready", incarnation: 1 })
    }),
  )

  it.effect("fails with the refusal of the peer and its retryAfter", () =>
    Effect.gen(function* () {
      const { error, says } = yield* dial(hostOf())
      yield* says({ _tag: "HelloReject", code: "busy", message: "later", retryAfter: 1_000 })
      const why = error()
      assert.strictEqual(why?._tag, "HandshakeRejected")
      if (why?._tag !== "HandshakeRejected") return
      assert.deepInclude(why, { code: "busy", by: "them", message: "later", retryAfter: 1_000 })
      assert.isFalse("atLeastGeneration" in why)
    }),
  )

  it.effect("sends the reason when it refuses a peer whose life has ended", () =>
    Effect.gen(function* () {
      const refusal = Handshake.reject("stale", "old", { atLeastGeneration: 8 })
      const { other, reason, says } = yield* dial(hostOf({ judgePeer: () => refusal }))
      yield* says(ack)
      assert.deepStrictEqual(other.written()[1], refusal)
      assert.isTrue(other.isEnded())
      assert.strictEqual(reason(), "stale")
    }),
  )

  it.effect("ends without a frame if another peer answers, or if the answering peer already has a link", () =>
    Effect.gen(function* () {
      const first = yield* dial(hostOf(), { expected: "somebody" })
      yield* first.says(ack)
      assert.strictEqual(first.reason(), "wrongPeer")
      const second = yield* dial(hostOf({ hasLink: () => true }), { stranger: true })
      yield* second.says(ack)
      assert.strictEqual(second.reason(), "known")
      assert.deepStrictEqual(second.tags(), ["Hello"])
    }),
  )

  it.effect("fails with the error of the transport if the peer did not accept the proof of this node", () =>
    Effect.gen(function* () {
      const { error, other } = yield* dial(hostOf())
      const failure = new TransportError({
        reason: "unauthenticated",
        message: "the peer does not accept the certificate",
      })
      yield* Effect.andThen(other.fails(failure), settle)
      assert.strictEqual(error(), failure)
    }),
  )

  it.effect("gives the identity of the connection to the rules and to the admission policy, on both sides", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const identity = { _tag: "Secret", key: "Zk9q" } as const
      const host = hostOf({
        judgeHello: (_, identity) => void seen.push(identity),
        judgePeer: (_, identity) => void seen.push(identity),
        admission: ({ identity }) => Effect.sync(() => (seen.push(identity), Admission.admit)),
      })
      const proved = (exchange: Handshake.Exchange) => ({
        ...exchange,
        connection: { ...exchange.connection, identity },
      })
      const options = { address, epoch: 3, expected: undefined, join: false, stranger: false }
      const dialing = yield* begin((exchange) => Handshake.dial(host, proved(exchange), options))
      yield* dialing.says(ack)
      const accepting = yield* begin((exchange) => Handshake.accept(host, proved(exchange)))
      yield* accepting.says(hello)
      yield* (yield* accept(host)).says(hello)
      assert.deepStrictEqual(seen, [identity, identity, identity, identity, undefined, undefined])
    }),
  )

  it.effect("does not commit to a peer that the admission policy denies, or when this node starts to leave", () =>
    Effect.gen(function* () {
      const denies: Admission.Policy = () => Effect.succeed({ _tag: "Deny", reason: "no" })
      const first = yield* dial(hostOf({ admission: denies }))
      yield* first.says(ack)
      assert.strictEqual(first.reason(), "denied")
      const gone: State = { self, instance: 4, viewHash: 0n, isRunning: false }
      const second = yield* dial(hostOf({ refute: () => Effect.succeed(gone) }))
      yield* second.says(ack)
      assert.strictEqual(second.reason(), "lost")
      assert.deepStrictEqual([...first.committed, ...second.committed], [])
    }),
  )

  it.effect("refuses an invalid HelloAck", () =>
    Effect.gen(function* () {
      for (const wrong of [{ version: 2 }, { window: 1_023 }, { record: record(4, "self") }]) {
        const { reason, says } = yield* dial(hostOf())
        yield* says({ ...ack, ...wrong })
        assert.strictEqual(reason(), "violation")
      }
    }),
  )
})

describe("a handshake with another process of this node's name", () => {
  /** Returns a host, and the generations and instances of the processes of its name that it met. */
  const meeting = () => {
    const met: Array<string> = []
    const host = hostOf({
      meetNamesake: (other) => Effect.sync(() => void met.push(`${other.record.generation} ${other.instance}`)),
    })
    return { host, met }
  }

  for (const newer of [
    { record: record(6, "self"), instance: 0 },
    { record: record(5, "self"), instance: 5 },
  ]) {
    it.effect(
      `of generation ${newer.record.generation} completes before the dialer accepts that the process is newer`,
      () =>
        Effect.gen(function* () {
          const { host, met } = meeting()
          const { committed, reason, says, tags } = yield* dial(host)
          yield* says({ ...ack, ...newer })
          assert.deepStrictEqual(tags(), ["Hello", "Ready"])
          assert.deepStrictEqual(met, [])
          yield* says(ready)
          assert.deepStrictEqual(met, [`${newer.record.generation} ${newer.instance}`])
          assert.deepStrictEqual([reason(), committed], ["duplicate", []])
        }),
    )
  }

  for (const [claimant, refusing, code] of [
    ["an impossible life", { judgePeer: () => ({ _tag: "HelloReject", code: "denied", message: "" }) }, "denied"],
    ["a process that may not join", { admission: () => Effect.succeed(Admission.deny("a stranger")) }, "denied"],
  ] satisfies ReadonlyArray<readonly [string, Partial<Host>, string]>) {
    it.effect(`does not prove ${claimant}`, () =>
      Effect.gen(function* () {
        const { host, met } = meeting()
        const { reason, says, tags } = yield* dial({ ...host, ...refusing })
        yield* says({ ...ack, record: record(6, "self") }, ready)
        assert.notInclude(tags(), "Ready")
        assert.deepStrictEqual([met, reason()], [[], code])
      }),
    )
  }

  it.effect("ends with Bye replaced at the acceptor, and creates no link", () =>
    Effect.gen(function* () {
      const { host, met } = meeting()
      const { committed, other, reason, says, tags } = yield* accept(host)
      yield* says({ ...hello, record: record(4, "self") })
      yield* says(ready)
      assert.deepStrictEqual(tags(), ["HelloAck", "Ready", "Bye"])
      assert.deepInclude(other.written()[2], { code: "replaced" })
      assert.isTrue(other.isEnded())
      assert.deepStrictEqual([reason(), committed, met], ["wrongPeer", [], []])
    }),
  )

  it.effect("does not complete at an acceptor that itself stops, so that one of the two stays", () =>
    Effect.gen(function* () {
      const { committed, reason, says, tags } = yield* accept(hostOf({ outlivesNamesake: () => false }))
      yield* says({ ...hello, record: record(4, "self") })
      yield* says(ready)
      assert.deepStrictEqual(tags(), ["HelloAck"])
      assert.deepStrictEqual([reason(), committed], ["lost", []])
    }),
  )
})

describe("a handshake with a peer that this node has disconnected", () => {
  const host = hostOf({ isDisconnected: () => true })

  it.effect("completes at the acceptor, so that the dialer knows whose Bye parted follows, and creates no link", () =>
    Effect.gen(function* () {
      const { committed, other, reason, says, tags } = yield* accept(host)
      yield* says(hello)
      yield* says(ready)
      assert.deepStrictEqual(tags(), ["HelloAck", "Ready", "Bye"])
      assert.deepInclude(other.written()[2], { code: "parted" })
      assert.isTrue(other.isEnded())
      assert.deepStrictEqual([reason(), committed], ["disconnected", []])
    }),
  )

  it.effect("creates a link if the dialer calls join", () =>
    Effect.gen(function* () {
      const { committed, says, tags } = yield* accept(host)
      yield* says({ ...hello, join: true })
      yield* says(ready)
      assert.deepStrictEqual(tags(), ["HelloAck", "Ready"])
      assert.strictEqual(committed.length, 1)
    }),
  )

  it.effect("ends at the dialer before Ready, unless this node calls join", () =>
    Effect.gen(function* () {
      const first = yield* dial(host)
      yield* first.says(ack, ready)
      assert.deepStrictEqual(first.tags(), ["Hello"])
      assert.deepStrictEqual([first.reason(), first.committed], ["disconnected", []])
      const second = yield* dial(host, { join: true })
      yield* second.says(ack, ready)
      assert.deepStrictEqual(second.tags(), ["Hello", "Ready"])
      assert.strictEqual(second.committed.length, 1)
    }),
  )
})

describe("a side that takes a greater instance during the handshake", () => {
  const sides = [
    ["dialer", dial, [ack, ready]],
    ["acceptor", accept, [hello, ready]],
  ] as const
  for (const [side, begins, frames] of sides) {
    it.effect(`as its ${side} keeps the rank of the instance that it showed`, () =>
      Effect.gen(function* () {
        let instance = 4
        const host = hostOf()
        const { established, other, says } = yield* begins({ ...host, state: () => ({ ...host.state(), instance }) })
        const [first, last] = frames
        if (side === "acceptor") yield* says(first)
        assert.deepInclude(other.written()[0], { instance: 4 })
        instance = 5
        yield* says(...(side === "acceptor" ? [last] : [first, last]))
        assert.deepStrictEqual(established()?.rank.instances, [9, 4])
      }),
    )
  }
})

describe("the acceptor's side of a handshake", () => {
  it.effect("answers Hello and Ready, and commits before it sends its own Ready", () =>
    Effect.gen(function* () {
      const { committed, established, other, says, tags } = yield* accept(hostOf())
      yield* says(hello)
      assert.deepInclude(other.written()[0], {
        _tag: "HelloAck",
        observedHost: "198.51.100.7",
        window: 4_096,
        linkTimeout: 500,
      })
      assert.deepStrictEqual(committed, [])
      yield* says({ ...ready, youAre: accusation } as Frame)
      assert.deepStrictEqual(tags(), ["HelloAck", "Ready"])
      assert.deepInclude(other.written()[1], { incarnation: 1 })
      assert.deepStrictEqual(committed, [3])
      assert.deepInclude(established(), {
        rank: { instance: 9, instances: [9, 4], epoch: 3, byLower: true },
        observedHost: undefined,
      })
    }),
  )

  it.effect("refuses a Hello with a reason, and ends", () =>
    Effect.gen(function* () {
      const { other, reason, says } = yield* accept(hostOf({ judgeHello: () => Handshake.busy }))
      yield* says(hello)
      assert.deepStrictEqual(other.written(), [Handshake.busy])
      assert.isTrue(other.isEnded())
      assert.strictEqual(reason(), "busy")
    }),
  )

  it.effect("sends nothing to a stranger whose first frame is not a valid Hello", () =>
    Effect.gen(function* () {
      for (const wrong of [ready, { ...hello, window: 1_023 }, { ...hello, record: { ...peer, status: "failed" } }]) {
        const { reason, says, tags } = yield* accept(hostOf())
        yield* says(wrong as Frame)
        assert.strictEqual(reason(), "violation")
        assert.deepStrictEqual(tags(), [])
      }
    }),
  )

  it.effect("passes a refusal of the dialer to the node", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const host = hostOf({
        onDialerRefusal: (error) =>
          Effect.sync(() => void heard.push(error._tag === "HandshakeRejected" ? error.code : error._tag)),
      })
      const { reason, says } = yield* accept(host)
      yield* says(hello, { _tag: "HelloReject", code: "stale", message: "", atLeastGeneration: 9 })
      assert.deepStrictEqual(heard, ["stale"])
      assert.strictEqual(reason(), "stale")
    }),
  )

  it.effect("refuses a Ready with a lower incarnation than the record", () =>
    Effect.gen(function* () {
      const { reason, says } = yield* accept(hostOf())
      yield* says({ ...hello, record: { ...peer, incarnation: 4 } })
      yield* says({ _tag: "Ready", incarnation: 3, viewHash: 0n })
      assert.strictEqual(reason(), "violation")
    }),
  )
})

describe("the description of a failed handshake", () => {
  it('marks the text of the peer, so that "this node" always means the node that reports it', () => {
    const message = "this node is leaving"
    const rejected = (by: "us" | "them") => new Handshake.HandshakeRejected({ code: "busy", message, by })
    assert.strictEqual(Handshake.describe(rejected("them")), "the peer refused this node: this node is leaving")
    assert.strictEqual(Handshake.describe(rejected("us")), "this node refused the peer: this node is leaving")
    const failed = new Handshake.HandshakeFailed({ reason: "lost", message: "the peer closed the connection" })
    assert.strictEqual(Handshake.describe(failed), "the peer closed the connection")
  })
})
