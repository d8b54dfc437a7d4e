/**
 * Mutants: variants of the pure parts, each with one rule broken by a plausible defect. The swarm must find every mutant
 * within its number of seeds; otherwise a check is missing.
 */
import type { Simulation } from "@coterie/testkit"
import * as Frame from "../../src/protocol/Frame.ts"
import type { Input } from "../../src/membership/Membership.ts"
import * as Draft from "../../src/membership/Draft.ts"
import * as Member from "../../src/membership/Member.ts"
import { type Overrides, defaults } from "../../src/peering/Overrides.ts"
import type { Sink } from "../../src/peering/PeerConnections.ts"
import { fewReach, isolated } from "./guarantees.ts"
import { cluster, crossing, everything, reachable } from "./scenarios.ts"

export interface Mutant {
  readonly name: string
  readonly scenario: Simulation.Scenario
  /** Number of seeds, from 1 on, within which the swarm must find the mutant. */
  readonly within: number
}

const mutant = (
  name: string,
  within: number,
  overrides: Partial<Overrides>,
  talk: readonly [number, number] = [50, 400],
): Mutant => ({
  name,
  within,
  scenario: cluster(`mutant: ${name}`, {
    size: [3, 4],
    seconds: 12,
    faults: everything,
    talk,
    overrides,
  }),
})

/** A step that ignores some inputs. */
const deafTo = (ignored: (input: Input, self: string) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => (ignored(input, state.self.name) ? [state, []] : defaults.step(state, now, input)),
})

/** A step some of whose outputs are lost. */
const forgets = (lost: (output: Draft.Output) => boolean): Pick<Overrides, "step"> => ({
  step: (state, now, input) => {
    const [next, outputs] = defaults.step(state, now, input)
    return [next, outputs.filter((output) => !lost(output))]
  },
})

/** Receive lanes that lose some messages. */
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

/** Receive lanes that acknowledge messages when they arrive. */
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

/** Receive lanes that reuse the number of a lane as soon as the lane is closed, before the peer has confirmed it. */
const impatient: Pick<Overrides, "makeReceiveLanes"> = {
  makeReceiveLanes: (options) => {
    /** Lane numbers of the wrapped lanes by the numbers that the peer sees, and the reverse. */
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

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "an accused node does not refute",
    within: 5,
    scenario: fewReach("mutant: an accused node does not refute", {
      step: (state, now, input) => {
        if (input._tag === "SelfAccused" || (input._tag === "Received" && input.frame._tag === "YouAre"))
          return [state, []]
        if (input._tag === "LinkUp") return defaults.step(state, now, { ...input, youAre: undefined })
        if (input._tag !== "Received" || input.frame._tag !== "Update") return defaults.step(state, now, input)
        const records = input.frame.records.filter(({ name }) => name !== state.self.name)
        return defaults.step(state, now, { ...input, frame: { _tag: "Update", records } })
      },
    }),
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
        return [
          { ...next, isolated: false },
          outputs.filter((output) => output._tag !== "Emit" || output.event._tag !== "Isolated"),
        ]
      },
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
  mutant("both of two connections are kept", 30, {
    makePeerConnections: (options) => {
      const pairs = defaults.makePeerConnections(options)
      return {
        ...pairs,
        install: (entry, link) => {
          const { peer } = entry
          const before = pairs.current(peer.name)
          return before?.isOpen() === true && before.peer.generation === peer.generation
            ? false
            : pairs.install(entry, link)
        },
      }
    },
  }),
  mutant("messages of a new connection overtake those of the connection before", 100, {
    makePeerConnections: (options) => {
      const pairs = defaults.makePeerConnections(options)
      return {
        ...pairs,
        deliver: (entry, sink, lane, message) => {
          if (entry.link !== undefined) sink.offer(entry.link, lane, message)
        },
      }
    },
  }),
  mutant(
    "credit is not returned for every tenth message",
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
  mutant("every fiftieth message is delivered twice", 30, {
    makePeerConnections: (options) => {
      const pairs = defaults.makePeerConnections(options)
      let received = 0
      const twice = (sink: Sink): Sink => ({
        offer: (link, lane, message) => {
          sink.offer(link, lane, message)
          if (++received % 50 === 0) sink.offer(link, lane, message)
        },
      })
      return { ...pairs, deliver: (entry, sink, lane, message) => pairs.deliver(entry, twice(sink), lane, message) }
    },
  }),
  mutant(
    "Reachable is never emitted",
    30,
    forgets((output) => output._tag === "Emit" && output.event._tag === "Reachable"),
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
  ),
  mutant(
    "every twentieth message on lanes is lost",
    10,
    dropping((count) => count % 20 === 0),
  ),
  mutant(
    "credit of a lane is added to the inbox",
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
  mutant("messages are acknowledged when they arrive", 10, hasty),
  mutant("a lane stays open after its last reader ended", 10, {
    makeReceiveLanes: (options) => ({ ...defaults.makeReceiveLanes(options), close: () => undefined }),
  }),
  mutant("a lane number is reused before the peer has confirmed the close", 30, impatient, [20, 60]),
  mutant(
    "the abort of a message is not sent",
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
    name: "queued messages are lost when a connection is replaced",
    within: 30,
    scenario: crossing("mutant: queued messages are lost when a connection is replaced", {
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
  mutant("the end of a session is never reported", 10, {
    makePeerConnections: (options) => defaults.makePeerConnections({ ...options, onSessionEnd: () => undefined }),
  }),
  mutant("the end of a session is reported before its last messages", 100, {
    makePeerConnections: (options) => {
      const over = new WeakSet<object>()
      const end: typeof options.onSessionEnd = (peer, session) => {
        if (!over.has(session)) options.onSessionEnd(peer, session)
        over.add(session)
      }
      const pairs = defaults.makePeerConnections({ ...options, onSessionEnd: end })
      return {
        ...pairs,
        uninstall: (entry, moved) => {
          end(entry.peer, entry.session)
          return pairs.uninstall(entry, moved)
        },
      }
    },
  }),
]
