/**
 * Mutants: variants of the pure parts, each with one rule that a plausible defect breaks. The swarm must find every
 * mutant within its number of seeds. Otherwise a check is missing.
 */
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import { Simulation } from "@coterie/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import type { ReadableLane, Options as ReceiveLanesOptions } from "../../src/flow/ReceiveLanes.ts"
import { ReceiveLanes } from "../../src/flow/ReceiveLanes.ts"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import type { LinkState } from "../../src/flow/WriteQueue.ts"
import type { Link } from "../../src/link/Link.ts"
import { inboxLane, inboxName } from "../../src/protocol/constants.ts"
import type { Data, Taken } from "../../src/protocol/Frame.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import type { Input } from "../../src/membership/Membership.ts"
import * as Draft from "../../src/membership/Draft.ts"
import * as Gossip from "../../src/membership/gossip.ts"
import * as Member from "../../src/membership/Member.ts"
import { type Overrides, defaults } from "../../src/cluster/Overrides.ts"
import type { PeerConnection, Sink } from "../../src/peering/PeerConnection.ts"
import { type Options, PeerConnections } from "../../src/peering/PeerConnections.ts"
import { LinkRenewer } from "../../src/peering/LinkRenewer.ts"
import { babbling } from "./babblers.ts"
import { clockSetBack, isolated } from "./guarantees.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"
import * as FrameCount from "./frameCount.ts"
import * as Talker from "./Member.ts"
import { renewing } from "./renewals.ts"
import { cluster, crossing, everybodyListsEverybody, everything, reachable, trafficEnds } from "./scenarios.ts"

export interface Mutant {
  readonly name: string
  readonly scenario: Simulation.Scenario
  /** Number of seeds, from 1 on, within which the swarm must find the mutant. */
  readonly within: number
  /** Seed that runs before the others, because it found the mutant last time. Defaults to 1. */
  readonly first?: number
}

const mutant = (
  name: string,
  within: number,
  overrides: Partial<Overrides>,
  talk: readonly [number, number] = [50, 400],
  first = 1,
): Mutant => ({
  name,
  within,
  first,
  scenario: cluster(`mutant: ${name}`, {
    size: [3, 4],
    seconds: 12,
    faults: everything,
    talk,
    overrides,
  }),
})

/** Returns a step that ignores some inputs. */
const deafTo = (ignored: (input: Input, self: string) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => (ignored(input, state.self.name) ? [state, []] : defaults.step(state, now, input)),
})

/** Returns a step that loses some outputs. */
const forgets = (lost: (output: Draft.Output) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => {
    const [next, outputs] = defaults.step(state, now, input)
    return [next, outputs.filter((output) => !lost(output))]
  },
})

/** Step that treats a left record of a member, from any sender, as the member's own Leave. */
const believesLeaves: Pick<Overrides, "step"> = {
  step: (state, now, input) => {
    const [after, outputs] = defaults.step(state, now, input)
    if (input._tag !== "Received" || input.frame._tag !== "Update") return [after, outputs]
    let next = after
    const all = [...outputs]
    for (const { generation, name, status } of input.frame.records) {
      if (status !== "left" || next.members.get(name)?.record.generation !== generation) continue
      const frame = { _tag: "Leave", generation } as const
      const [left, more] = defaults.step(next, now, { ...input, from: { name, generation }, frame })
      next = left
      all.push(...more)
    }
    return [next, all]
  },
}

/** Returns the records of a frame. */
const recordsOf = (input: Input): ReadonlyArray<PeerRecord.PeerRecord> =>
  input._tag === "Received" && (input.frame._tag === "Update" || input.frame._tag === "SyncDelta")
    ? input.frame.records
    : []

/** Step that treats the claim of a newer life of this node's name as proof. */
const believesClaims: Pick<Overrides, "step"> = {
  step: (state, now, input) => {
    const claim = recordsOf(input).find(
      ({ generation, name }) => name === state.self.name && generation > state.self.generation,
    )
    const { generation } = claim ?? state.self
    return claim === undefined
      ? defaults.step(state, now, input)
      : defaults.step(state, now, { _tag: "NamesakeMet", generation, instance: 0 })
  },
}

/** Step that ignores accusations of this node, except in digests. */
const refutesNothing: Pick<Overrides, "step"> = {
  step: (state, now, input) => {
    if (input._tag === "SelfAccused" || (input._tag === "Received" && input.frame._tag === "YouAre")) return [state, []]
    if (input._tag === "LinkUp") return defaults.step(state, now, { ...input, youAre: undefined })
    if (input._tag !== "Received" || input.frame._tag !== "Update") return defaults.step(state, now, input)
    const records = input.frame.records.filter(({ name }) => name !== state.self.name)
    return defaults.step(state, now, { ...input, frame: { _tag: "Update", records } })
  },
}

/** Step that stores another body of a member with a link, and sends the owner nothing. */
const storesForgedBodies: Pick<Overrides, "step"> = {
  step: (state, now, input) => {
    const forged = recordsOf(input).flatMap((record) => {
      const member = state.members.get(record.name)
      const isForged =
        member !== undefined && Member.isLinked(member) && PeerRecord.compareKeys(record, member.record) === 0
      return isForged && PeerRecord.compare(record, member.record) > 0 ? [{ member, record }] : []
    })
    if (forged.length === 0) return defaults.step(state, now, input)
    const draft = Draft.start(state, now)
    for (const { member, record } of forged) {
      const peer = Member.toPeer(Draft.updateMember(draft, Member.withRecord(member, record)))
      Draft.emit(draft, { _tag: "MetadataChanged", peer })
    }
    return Draft.finish(draft)
  },
}

/** Step that relays every record that it hears, also a record that changes nothing. */
const relaysEverything: Pick<Overrides, "step"> = {
  step: (state, now, input) => {
    const [next, outputs] = defaults.step(state, now, input)
    const records = input._tag === "Received" && input.frame._tag === "Update" ? input.frame.records : []
    if (records.length === 0) return [next, outputs]
    const draft = Draft.start(next, now)
    for (const record of records) Gossip.gossip(draft, record)
    const [relaying, more] = Draft.finish(draft)
    return [relaying, [...outputs, ...more]]
  },
}

/** Creates a scenario of two nodes, one of which changes its metadata. Afterwards both write heartbeats only. */
const quiet = (name: string, overrides: Partial<Overrides>): Simulation.Scenario =>
  // The delay bounds the number of frames of two nodes that answer each other forever.
  Simulation.scenario(name, { describe: ClusterTrace.describe(), faults: { network: { delay: "50 millis" } } }, (sim) =>
    Effect.gen(function* () {
      const recorder = new ClusterRecorder()
      const counts: FrameCount.Counts = new Map()
      const nodes = yield* sim.nodes(["n1", "n2"], (node) =>
        Talker.layer(node, { recorder, seeds: ["n1"], overrides }).pipe(Layer.provide(FrameCount.layer(counts))),
      )
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
      yield* nodes.n1.run(Effect.flatMap(Talker.Member, ({ cluster }) => cluster.updateMetadata({ version: "2" })))
      yield* trafficEnds(nodes, counts)
    }),
  )

/** Receive lanes that lose some messages. */
const dropping = (isLost: (count: number) => boolean): Pick<Overrides, "makeReceiveLanes"> => ({
  makeReceiveLanes: (options) => {
    let count = 0
    return defaults.makeReceiveLanes({
      ...options,
      sinkOf: (name) => {
        const deliver = options.sinkOf(name)
        return (lane, message) =>
          name !== inboxName && isLost(++count) ? lane.acknowledge(message) : deliver(lane, message)
      },
    })
  },
})

/** Receive lanes that acknowledge messages on arrival. */
class HastyLanes extends ReceiveLanes {
  private readonly arrived = new Map<string, Taken>()
  private readonly delivery: { lane: string; isDone: boolean }
  private readonly wakeWriter: () => void

  constructor(options: ReceiveLanesOptions) {
    const delivery = { lane: inboxName, isDone: false }
    super({
      ...options,
      sinkOf: (name) => {
        const deliver = options.sinkOf(name)
        return (lane, message) => {
          delivery.lane = name
          delivery.isDone = true
          deliver(lane, message)
        }
      },
    })
    this.delivery = delivery
    this.wakeWriter = options.wake
  }

  override receive(frame: Data): ProtocolViolation | undefined {
    this.delivery.isDone = false
    const violation = super.receive(frame)
    if (this.delivery.isDone && frame.confirm !== undefined) {
      this.arrived.set(this.delivery.lane, { _tag: "Taken", lane: frame.lane, id: frame.confirm })
      this.wakeWriter()
    }
    return violation
  }

  override close(name: string): void {
    this.arrived.delete(name)
    super.close(name)
  }

  override acknowledgements(): ReadonlyArray<Taken> {
    super.acknowledgements()
    const frames = [...this.arrived.values()]
    this.arrived.clear()
    return frames
  }
}

/** Lane numbers as the peer sees them. A number is reused as soon as its lane is closed. */
class ReusedNumbers {
  /** Numbers of the receiving lanes by the numbers that the peer sees, and in the other direction. */
  private readonly inside = new Map([[inboxLane, inboxLane]])
  private readonly outside = new Map([[inboxLane, inboxLane]])
  private readonly closing = new Map<number, Array<number>>()

  seenByPeer(number: number): number {
    return this.outside.get(number) ?? number
  }

  use(number: number): number {
    let free = 1
    while (this.inside.has(free)) free++
    this.inside.set(free, number)
    this.outside.set(number, free)
    return free
  }

  close(lane: number): number {
    const number = this.seenByPeer(lane)
    this.inside.delete(number)
    this.closing.set(number, [...(this.closing.get(number) ?? []), lane])
    return number
  }

  closed(number: number): number {
    return this.closing.get(number)?.shift() ?? number
  }

  insideOf(number: number): number {
    return this.inside.get(number) ?? this.closing.get(number)?.[0] ?? number
  }
}

/**
 * Receive lanes that reuse the number of a lane as soon as the lane is closed, before the peer has confirmed the close.
 */
class ImpatientLanes extends ReceiveLanes {
  private readonly numbers: ReusedNumbers

  constructor(options: ReceiveLanesOptions) {
    const numbers = new ReusedNumbers()
    super({
      ...options,
      send: (frame) => {
        if (frame._tag === "LaneOpen") {
          const lanes = frame.lanes.map((each) => ({ ...each, lane: numbers.use(each.lane) }))
          return options.send({ ...frame, lanes })
        }
        if (frame._tag === "LaneClose") return options.send({ _tag: "LaneClose", lane: numbers.close(frame.lane) })
        options.send("lane" in frame ? { ...frame, lane: numbers.seenByPeer(frame.lane) } : frame)
      },
    })
    this.numbers = numbers
  }

  override receive(frame: Data): ProtocolViolation | undefined {
    return super.receive({ ...frame, lane: this.numbers.insideOf(frame.lane) })
  }

  override closed(number: number): ProtocolViolation | undefined {
    return super.closed(this.numbers.closed(number))
  }

  override acknowledgements(): ReadonlyArray<Taken> {
    return super.acknowledgements().map((frame) => ({ ...frame, lane: this.numbers.seenByPeer(frame.lane) }))
  }
}

/** Receive lanes that keep lanes open without a reader. */
class UnclosedLanes extends ReceiveLanes {
  override close(): void {}
}

/** Receive lane that returns no credit for every tenth message. */
class StingyLane extends ReceiveLane {
  private reads = 0

  override onRead(amount: number): void {
    if (++this.reads % 10 !== 0) super.onRead(amount)
  }
}

/** Receive lane that loses every fiftieth message. */
class LossyLane extends ReceiveLane {
  private received = 0

  override receive(frame: Data): InboundMessage | ProtocolViolation | undefined {
    const result = super.receive(frame)
    if (result === undefined || result instanceof ProtocolViolation) return result
    return ++this.received % 50 === 0 ? undefined : result
  }
}

/** Send lanes that add the credit of every lane to the inbox. */
class MisdirectedCredit extends SendLanes {
  override credit(number: number, bytes: number): ProtocolViolation | undefined {
    if (number === inboxLane) return super.credit(number, bytes)
    super.credit(inboxLane, bytes)
    return undefined
  }
}

/** Send lanes that do not send the abort of a message. */
class SilentAborts extends SendLanes {
  override next(bytes: number): Array<Data> {
    return super.next(bytes).filter(({ abort }) => !abort)
  }
}

/** Send lanes that drop unwritten frames when another connection takes over. */
class ForgetfulLanes extends SendLanes {
  override stop(why: Exclude<LinkState, "open">): void {
    super.stop(why)
    if (why === "moved") this.clear()
  }
}

/** Connections that keep the earlier connection when a later one of the same life comes up. */
class KeepsBoth extends PeerConnections {
  override install(connection: PeerConnection, link: Link): boolean {
    const { peer } = connection
    const before = this.current(peer.name)
    return before?.isOpen() === true && before.peer.generation === peer.generation
      ? false
      : super.install(connection, link)
  }
}

/** Connections that do not hold messages back for an earlier connection. */
class Overtakes extends PeerConnections {
  override deliver({ link }: PeerConnection, sink: Sink, lane: ReadableLane, message: InboundMessage): void {
    if (link !== undefined) sink.offer(link, lane, message)
  }
}

/** Connections that deliver every fiftieth message twice. */
class DeliversTwice extends PeerConnections {
  private received = 0

  override deliver(connection: PeerConnection, sink: Sink, lane: ReadableLane, message: InboundMessage): void {
    const twice: Sink = {
      offer: (link, lane, message) => {
        sink.offer(link, lane, message)
        if (++this.received % 50 === 0) sink.offer(link, lane, message)
      },
    }
    super.deliver(connection, twice, lane, message)
  }
}

/**
 * Connections that end the session of a connection when the connection is not used any more, before its last messages.
 */
class EndsSessionsEarly extends PeerConnections {
  private readonly onSessionEnd: Options["onSessionEnd"]

  constructor(options: Options) {
    super(options)
    this.onSessionEnd = options.onSessionEnd
  }

  override uninstall(connection: PeerConnection, isMoved: boolean): boolean {
    this.onSessionEnd(connection.peer, connection.session)
    return super.uninstall(connection, isMoved)
  }
}

/** Connections that replace a link with a proof by a connection without one. */
class TrustsAnybody extends PeerConnections {
  override isWeaker(): boolean {
    return false
  }
}

/** Renewal that ends the link before the next connection is up. */
class DropsFirst extends LinkRenewer {
  override readonly renew: LinkRenewer["renew"] = (link) => Effect.sync(() => link.close("duplicate", ""))
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "a connection without a proof replaces a link with one",
    within: 10,
    scenario: renewing("mutant: a connection without a proof replaces a link with one", {
      makePeerConnections: (options) => new TrustsAnybody(options),
    }),
  },
  {
    name: "a link is dropped before its renewal is up",
    within: 3,
    scenario: renewing("mutant: a link is dropped before its renewal is up", {
      makeLinkRenewer: (options) => new DropsFirst(options),
    }),
  },
  {
    name: "a node that has met nobody does not take a higher generation",
    within: 3,
    scenario: clockSetBack(
      "mutant: a node that has met nobody does not take a higher generation",
      deafTo((input) => input._tag === "NameTaken"),
    ),
  },
  {
    name: "no node answers indirect probes",
    within: 10,
    scenario: reachable(
      "mutant: no node answers indirect probes",
      forgets((output) => output._tag === "Send" && output.frame._tag === "ProbeResult"),
    ),
  },
  {
    name: "an isolated node does not notice that it is isolated",
    within: 10,
    scenario: isolated("mutant: an isolated node does not notice that it is isolated", {
      step: (state, now, input) => {
        const [next, outputs] = defaults.step(state, now, input)
        const { isolated, version } = next.view
        return [
          isolated ? { ...next, view: { ...next.view, isolated: false, version: version - 1 } } : next,
          outputs.filter((output) => output._tag !== "Emit" || output.event._tag !== "Isolated"),
        ]
      },
    }),
  },
  {
    name: "hearsay of a leave ends the life of a member with a live link",
    within: 10,
    scenario: babbling("mutant: hearsay of a leave ends the life of a member with a live link", {
      kinds: ["accusations"],
      overrides: believesLeaves,
    }),
  },
  {
    name: "the claim of a newer life stops a node",
    within: 5,
    scenario: babbling("mutant: the claim of a newer life stops a node", {
      kinds: ["lives"],
      overrides: believesClaims,
    }),
  },
  {
    name: "an accused node does not refute",
    within: 5,
    scenario: babbling("mutant: an accused node does not refute", {
      kinds: ["accusations"],
      overrides: refutesNothing,
    }),
  },
  {
    name: "news that change nothing are relayed",
    within: 2,
    scenario: quiet("mutant: news that change nothing are relayed", relaysEverything),
  },
  {
    name: "a forged body of a member with a live link is stored",
    within: 5,
    scenario: babbling("mutant: a forged body of a member with a live link is stored", {
      kinds: ["bodies"],
      overrides: storesForgedBodies,
    }),
  },
  mutant("every indirect probe is answered with up", 30, {
    step: (state, now, input) => {
      const [next, outputs] = defaults.step(state, now, input)
      return [
        next,
        outputs.map((output) =>
          output._tag === "Send" && output.frame._tag === "ProbeResult"
            ? { ...output, frame: { ...output.frame, verdict: "up" } }
            : output,
        ),
      ]
    },
  }),
  mutant("gossip alone adds members", 30, {
    step: (state, now, input) => {
      const [next, outputs] = defaults.step(state, now, input)
      const draft = Draft.start(next, now)
      for (const [name, { record }] of next.candidates) {
        if (next.members.has(name)) continue
        Draft.setCandidate(draft, name, undefined)
        Draft.setMember(draft, name, Member.make(record, "Down"))
        const { body, generation } = record
        Draft.emit(draft, {
          _tag: "Joined",
          peer: { name, generation, status: "alive", link: "down", addresses: body.addresses, metadata: body.metadata },
        })
      }
      const [after, more] = Draft.finish(draft)
      return [after, [...outputs, ...more]]
    },
  }),
  mutant("a step does not say which peers are to be dialed", 30, {
    step: (state, now, input) => {
      const [next, outputs] = defaults.step(state, now, input)
      return [next === state ? next : { ...next, touched: new Set() }, outputs]
    },
  }),
  mutant("both of two connections are kept", 30, {
    makePeerConnections: (options) => new KeepsBoth(options),
  }),
  mutant(
    "messages of a new connection overtake those of the connection before",
    100,
    { makePeerConnections: (options) => new Overtakes(options) },
    [50, 400],
    26,
  ),
  mutant(
    "credit is not returned for every tenth message",
    30,
    { makeReceiveLane: (options) => new StingyLane(options) },
    [20, 60],
  ),
  mutant("every fiftieth message is lost", 30, {
    makeReceiveLane: (options) => new LossyLane(options),
  }),
  mutant("every fiftieth message is delivered twice", 30, {
    makePeerConnections: (options) => new DeliversTwice(options),
  }),
  mutant(
    "Reachable is never emitted",
    30,
    forgets((output) => output._tag === "Emit" && output.event._tag === "Reachable"),
    undefined,
    5,
  ),
  mutant("a suspicion never times out", 30, {
    step: (state, now, input) => {
      const members = new Map([...state.members].map(([name, member]) => [name, Member.restartTimer(member, now)]))
      return defaults.step({ ...state, members }, now, input)
    },
  }),
  mutant(
    "a lost link is not noticed",
    30,
    deafTo((input) => input._tag === "LinkDown"),
    undefined,
    5,
  ),
  mutant(
    "every twentieth message on lanes is lost",
    10,
    dropping((count) => count % 20 === 0),
  ),
  mutant(
    "credit of a lane is added to the inbox",
    10,
    { makeSendLanes: (options) => new MisdirectedCredit(options) },
    [20, 60],
  ),
  mutant("messages are acknowledged when they arrive", 10, {
    makeReceiveLanes: (options) => new HastyLanes(options),
  }),
  mutant("a lane stays open after its last reader ended", 10, {
    makeReceiveLanes: (options) => new UnclosedLanes(options),
  }),
  mutant(
    "a lane number is reused before the peer has confirmed the close",
    30,
    { makeReceiveLanes: (options) => new ImpatientLanes(options) },
    [20, 60],
    30,
  ),
  mutant(
    "the abort of a message is not sent",
    30,
    { makeSendLanes: (options) => new SilentAborts(options) },
    [20, 60],
    6,
  ),
  {
    name: "queued messages are lost when a connection is replaced",
    within: 30,
    scenario: crossing("mutant: queued messages are lost when a connection is replaced", {
      makeSendLanes: (options) => new ForgetfulLanes(options),
    }),
  },
  mutant("the end of a session is never reported", 10, {
    makePeerConnections: (options) => defaults.makePeerConnections({ ...options, onSessionEnd: () => undefined }),
  }),
  mutant("the end of a session is reported before its last messages", 100, {
    makePeerConnections: (options) => {
      const over = new WeakSet<object>()
      return new EndsSessionsEarly({
        ...options,
        onSessionEnd: (peer, session) => {
          if (!over.has(session)) options.onSessionEnd(peer, session)
          over.add(session)
        },
      })
    },
  }),
]
