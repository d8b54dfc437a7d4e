/**
 * Planted bugs: variants of the pure parts, each with one rule broken as somebody might break it. The swarm must find every
 * one of them within the number of seeds that stands here; if it does not, a check is missing.
 */
import type { Simulation } from "@coterie/testkit"
import type { InboundMessage } from "../../src/flow/ReceiveLane.ts"
import type { LaneReader } from "../../src/flow/ReceiveLanes.ts"
import type { Link } from "../../src/link/Link.ts"
import * as Frame from "../../src/protocol/Frame.ts"
import type { Input } from "../../src/membership/Membership.ts"
import * as Draft from "../../src/membership/Draft.ts"
import { type Overrides, defaults } from "../../src/cluster/Overrides.ts"
import type { PeerConnection, Sink } from "../../src/peering/PeerConnection.ts"
import { type Options, PeerConnections } from "../../src/peering/PeerConnections.ts"
import { fewReach, isolated } from "./guarantees.ts"
import { cluster, crossing, everything, reachable } from "./scenarios.ts"

export interface Mutant {
  readonly name: string
  readonly scenario: Simulation.Scenario
  /** Seeds from 1 on within which it must be found. */
  readonly within: number
}

const mutant = (
  name: string,
  within: number,
  planted: Partial<Overrides>,
  talk: readonly [number, number] = [50, 400],
): Mutant => ({
  name,
  within,
  scenario: cluster(`planted: ${name}`, {
    size: [3, 4],
    seconds: 12,
    faults: everything,
    talk,
    parts: planted,
  }),
})

/** The step, which does not see some facts. */
const deafTo = (ignored: (input: Input, self: string) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => (ignored(input, state.self.name) ? [state, []] : defaults.step(state, now, input)),
})

/** The step, some of whose wishes are lost. */
const forgets = (lost: (output: Draft.Output) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => {
    const [next, outputs] = defaults.step(state, now, input)
    return [next, outputs.filter((output) => !lost(output))]
  },
})

/** The intake, of which some messages do not come through. */
const dropping = (isLost: (count: number) => boolean): Pick<Overrides, "makeReceiveLanes"> => ({
  makeReceiveLanes: (options) => {
    let count = 0
    return defaults.makeReceiveLanes({
      ...options,
      sinkOf: (name) => {
        const deliver = options.sinkOf(name)
        return (lane, message) =>
          name !== Frame.inboxName && isLost(++count) ? lane.taken(message) : deliver(lane, message)
      },
    })
  },
})

/** Tells that messages are taken when they arrive. */
const hasty: Pick<Overrides, "makeReceiveLanes"> = {
  makeReceiveLanes: (options) => {
    const arrived = new Map<string, Frame.Taken>()
    let now = Frame.inboxName
    let isDelivered = false
    const intake = defaults.makeReceiveLanes({
      ...options,
      sinkOf: (name) => {
        const deliver = options.sinkOf(name)
        return (lane, message) => {
          now = name
          isDelivered = true
          deliver(lane, message)
        }
      },
    })
    return {
      ...intake,
      receive: (frame) => {
        isDelivered = false
        const fault = intake.receive(frame)
        if (isDelivered && frame.confirm !== undefined) {
          arrived.set(now, { _tag: "Taken", lane: frame.lane, id: frame.confirm })
          options.wake()
        }
        return fault
      },
      close: (name) => {
        arrived.delete(name)
        intake.close(name)
      },
      confirmations: () => {
        intake.confirmations()
        const frames = [...arrived.values()]
        arrived.clear()
        return frames
      },
    }
  },
}

/** Uses the number of a lane again as soon as the lane is closed, before the peer knows of it. */
const impatient: Pick<Overrides, "makeReceiveLanes"> = {
  makeReceiveLanes: (options) => {
    /** The numbers of which the intake thinks, by those that the peer is told, and the other way round. */
    const inside = new Map([[Frame.inboxLane, Frame.inboxLane]])
    const outside = new Map([[Frame.inboxLane, Frame.inboxLane]])
    const closing = new Map<number, Array<number>>()
    const told = (number: number): number => outside.get(number) ?? number
    const use = (number: number): number => {
      let free = 1
      while (inside.has(free)) free++
      inside.set(free, number)
      outside.set(number, free)
      return free
    }
    const intake = defaults.makeReceiveLanes({
      ...options,
      send: (frame) => {
        if (frame._tag === "LaneOpen") {
          return options.send({ ...frame, lanes: frame.lanes.map((each) => ({ ...each, lane: use(each.lane) })) })
        }
        if (frame._tag !== "LaneClose")
          return options.send("lane" in frame ? { ...frame, lane: told(frame.lane) } : frame)
        const number = told(frame.lane)
        inside.delete(number)
        closing.set(number, [...(closing.get(number) ?? []), frame.lane])
        options.send({ _tag: "LaneClose", lane: number })
      },
    })
    return {
      ...intake,
      receive: (frame) =>
        intake.receive({ ...frame, lane: inside.get(frame.lane) ?? closing.get(frame.lane)?.[0] ?? frame.lane }),
      closed: (number) => intake.closed(closing.get(number)?.shift() ?? number),
      confirmations: () => intake.confirmations().map((frame) => ({ ...frame, lane: told(frame.lane) })),
    }
  },
}

/** Keeps the earlier connection when a later one of the same life comes up. */
class KeepsBoth extends PeerConnections {
  override install(connection: PeerConnection, link: Link): boolean {
    const { peer } = connection
    const before = this.current(peer.name)
    return before?.isOpen() === true && before.peer.generation === peer.generation
      ? false
      : super.install(connection, link)
  }
}

/** Holds no message for those of an earlier connection. */
class Overtakes extends PeerConnections {
  override deliver({ link }: PeerConnection, sink: Sink, lane: LaneReader, message: InboundMessage): void {
    if (link !== undefined) sink.offer(link, lane, message)
  }
}

/** Delivers every fiftieth message twice. */
class DeliversTwice extends PeerConnections {
  private received = 0

  override deliver(connection: PeerConnection, sink: Sink, lane: LaneReader, message: InboundMessage): void {
    const twice: Sink = {
      offer: (link, lane, message) => {
        sink.offer(link, lane, message)
        if (++this.received % 50 === 0) sink.offer(link, lane, message)
      },
    }
    super.deliver(connection, twice, lane, message)
  }
}

/** Ends the session of a connection when the connection is not used any more, before its last messages. */
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

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "an accused node does not refute",
    within: 5,
    scenario: fewReach("planted: an accused node does not refute", {
      step: (state, now, input) => {
        if (input._tag === "Accused" || (input._tag === "Received" && input.frame._tag === "YouAre")) return [state, []]
        if (input._tag === "LinkUp") return defaults.step(state, now, { ...input, youAre: undefined })
        if (input._tag !== "Received" || input.frame._tag !== "Update") return defaults.step(state, now, input)
        const records = input.frame.records.filter(({ name }) => name !== state.self.name)
        return defaults.step(state, now, { ...input, frame: { _tag: "Update", records } })
      },
    }),
  },
  {
    name: "nobody answers whether he reaches another",
    within: 10,
    scenario: reachable(
      "planted: nobody answers whether he reaches another",
      forgets((output) => output._tag === "Send" && output.frame._tag === "ProbeResult"),
    ),
  },
  {
    name: "a node believes that it does not hear because nobody speaks",
    within: 10,
    scenario: isolated("planted: a node believes that it does not hear because nobody speaks", {
      step: (state, now, input) => {
        const [next, outputs] = defaults.step(state, now, input)
        return [
          { ...next, isolated: false },
          outputs.filter((output) => output._tag !== "Emit" || output.event._tag !== "Isolated"),
        ]
      },
    }),
  },
  mutant("whoever is asked says that he reaches everybody", 30, {
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
  mutant("hearsay makes members", 30, {
    step: (state, now, input) => {
      const [next, outputs] = defaults.step(state, now, input)
      const draft = Draft.start(next, now)
      for (const [name, { record }] of next.candidates) {
        if (next.members.has(name)) continue
        Draft.setCandidate(draft, name, undefined)
        Draft.setMember(draft, name, Draft.makeMember(record, "down", undefined))
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
  mutant("of two connections both are kept", 30, {
    makePeerConnections: (options) => new KeepsBoth(options),
  }),
  mutant("messages of a better connection overtake those of the one before", 100, {
    makePeerConnections: (options) => new Overtakes(options),
  }),
  mutant(
    "credit is not given back for every tenth message",
    30,
    {
      makeReceiveLane: (options) => {
        const receiver = defaults.makeReceiveLane(options)
        let taken = 0
        return {
          ...receiver,
          taken: (cost) => {
            if (++taken % 10 !== 0) receiver.taken(cost)
          },
        }
      },
    },
    [20, 60],
  ),
  mutant("every fiftieth message is lost", 30, {
    makeReceiveLane: (options) => {
      const receiver = defaults.makeReceiveLane(options)
      let received = 0
      return {
        ...receiver,
        receive: (frame) => {
          const arrived = receiver.receive(frame)
          return arrived?._tag === "Arrived" && ++received % 50 === 0 ? undefined : arrived
        },
      }
    },
  }),
  mutant("every fiftieth message comes twice", 30, {
    makePeerConnections: (options) => new DeliversTwice(options),
  }),
  mutant(
    "nobody is told that a link is back",
    30,
    forgets((output) => output._tag === "Emit" && output.event._tag === "Reachable"),
  ),
  mutant("a suspicion never ends", 30, {
    step: (state, now, input) => {
      const members = new Map(
        [...state.members].map(([name, member]) => [
          name,
          member.suspicion === undefined ? member : { ...member, suspicion: { ...member.suspicion, since: now } },
        ]),
      )
      return defaults.step({ ...state, members }, now, input)
    },
  }),
  mutant(
    "a lost link is not noticed",
    30,
    deafTo((input) => input._tag === "LinkDown"),
  ),
  mutant(
    "every twentieth message of the lanes is lost",
    10,
    dropping((count) => count % 20 === 0),
  ),
  mutant(
    "credit of a lane goes to another one",
    10,
    {
      makeSendLanes: (options) => {
        const outbox = defaults.makeSendLanes(options)
        return {
          ...outbox,
          credit: (number, bytes) => {
            if (number === Frame.inboxLane) return outbox.credit(number, bytes)
            outbox.credit(Frame.inboxLane, bytes)
            return undefined
          },
        }
      },
    },
    [20, 60],
  ),
  mutant("messages are called taken when they arrive", 10, hasty),
  mutant("a lane that nobody reads any more stays open", 10, {
    makeReceiveLanes: (options) => ({ ...defaults.makeReceiveLanes(options), close: () => undefined }),
  }),
  mutant("the number of a lane is used again before the peer knows that it was closed", 30, impatient, [20, 60]),
  mutant(
    "a message that is given up is not said to be",
    30,
    {
      makeSendLanes: (options) => {
        const outbox = defaults.makeSendLanes(options)
        return { ...outbox, next: (bytes) => outbox.next(bytes).filter(({ abort }) => !abort) }
      },
    },
    [20, 60],
  ),
  {
    name: "what waits to be written is lost when another connection takes over",
    within: 30,
    scenario: crossing("planted: what waits to be written is lost when another connection takes over", {
      makeSendLanes: (options) => {
        const outbox = defaults.makeSendLanes(options)
        return {
          ...outbox,
          stop: (why) => {
            outbox.stop(why)
            if (why === "moved") outbox.clear()
          },
        }
      },
    }),
  },
  mutant("nobody is told that a session is over", 10, {
    makePeerConnections: (options) => defaults.makePeerConnections({ ...options, onSessionEnd: () => undefined }),
  }),
  mutant("a session is said to be over while its messages still come", 100, {
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
