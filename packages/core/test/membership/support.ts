/** Records, nodes and events for the tests of membership. */
import type { Output } from "../../src/membership/Draft.ts"
import * as Member from "../../src/membership/Member.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import type { MembershipFrame, Verdict } from "../../src/protocol/Frame.ts"
import type { PeerRecord, Status } from "../../src/protocol/PeerRecord.ts"
import { recordOf, wall } from "../protocol/records.ts"
import { checkedStep, seal } from "./invariants.ts"

export { addressOf, bodyOf, recordOf, wall } from "../protocol/records.ts"

// ---- records ----

/** Peers of many tests. */
export const b = recordOf("b")
export const c = recordOf("c")
export const d = recordOf("d")
export const e = recordOf("e")

/** Returns a record as another peer sends it. */
export const claim = (
  record: PeerRecord,
  status: Status,
  incarnation = record.incarnation,
  by?: string,
): PeerRecord => ({
  ...record,
  status,
  incarnation,
  ...(by === undefined ? {} : { by }),
})

/** Returns an Update frame. */
export const update = (...records: ReadonlyArray<PeerRecord>) => ({ _tag: "Update", records }) as const

// ---- nodes ----

/** Node that a test drives. Every step is checked against the invariants. */
export interface Node {
  readonly state: () => State.State
  /** Takes a step and returns its outputs. */
  readonly at: (now: number, input: Membership.Input) => ReadonlyArray<Output>
  /** Completes a handshake with a peer. */
  readonly meet: (
    now: number,
    record: PeerRecord,
    more?: Partial<Membership.Input & { _tag: "LinkUp" }>,
  ) => ReadonlyArray<Output>
  /** Receives a frame of a peer, in the generation of its record. */
  readonly hear: (now: number, from: PeerRecord, frame: MembershipFrame) => ReadonlyArray<Output>
  /**
   * Ticks at every deadline up to a time, and then at that time. The `deniers` answer every probe request with `down`
   * at once. Other peers do not answer.
   */
  readonly until: (now: number, deniers?: ReadonlyArray<PeerRecord>) => ReadonlyArray<Output>
}

export const nodeOf = (
  name: string,
  settings: Partial<Settings.Settings> = {},
  changes: Partial<PeerRecord> = {},
): Node => {
  let state = seal(
    State.make({
      settings: { ...Settings.defaults, ...settings },
      self: recordOf(name, changes),
      now: 0,
      wall,
      seed: 1,
    }),
  )
  const at: Node["at"] = (now, input) => {
    const [next, outputs] = checkedStep(state, now, input)
    state = next
    return outputs
  }
  return {
    state: () => state,
    at,
    meet: (now, record, more) =>
      at(now, { _tag: "LinkUp", record, address: undefined, viewHash: 0n, youAre: undefined, ...more }),
    hear: (now, from, frame) => at(now, { _tag: "Received", from, frame }),
    until: (now, deniers = []) => {
      const all: Array<Output> = []
      const take = (time: number, outputs: ReadonlyArray<Output>): void => {
        all.push(...outputs)
        for (const { frame, to } of framesOf(outputs, "ProbeRequest")) {
          for (const from of deniers) {
            if (!to.includes(from.name)) continue
            const result = { _tag: "ProbeResult", id: frame.id, verdict: "down" } as const
            take(time, at(time, { _tag: "Received", from, frame: result }))
          }
        }
      }
      for (let ticks = 0; ticks < 10_000; ticks++) {
        const due = State.deadline(state)
        if (due === undefined || due > now) {
          take(now, at(now, { _tag: "Tick" }))
          return all
        }
        take(due, at(due, { _tag: "Tick" }))
      }
      throw new Error("the Ticks do not end")
    },
  }
}

/** Returns the node `a`, which has links to these peers. */
export const linkedTo = (peers: ReadonlyArray<PeerRecord>, settings: Partial<Settings.Settings> = {}): Node => {
  const node = nodeOf("a", settings)
  for (const peer of peers) {
    node.meet(0, peer)
    // Ends the anti-entropy exchange of the first link.
    node.hear(0, peer, { _tag: "SyncDelta", records: [], want: [] })
  }
  node.until(100)
  return node
}

// ---- events ----

/** Ends the link to a peer as silent. */
export const loseLink = (node: Node, now: number, peer: PeerRecord) =>
  node.at(now, {
    _tag: "LinkDown",
    peer: { name: peer.name, generation: peer.generation },
    code: undefined,
    silent: true,
  })

/** Fails to dial a peer. */
export const failDial = (node: Node, now: number, peer: PeerRecord, refused = false) =>
  node.at(now, { _tag: "DialFailed", name: peer.name, refused })

/** Receives the same answer about a peer from each of `others` that the node has asked. */
export const answerProbes = (
  node: Node,
  now: number,
  peer: PeerRecord,
  verdict: Verdict,
  ...others: ReadonlyArray<PeerRecord>
) =>
  others.flatMap((from) => {
    const round = node.state().rounds.get(peer.name)
    if (round?._tag !== "Probing" || !round.awaiting.has(from.name)) return []
    return node.hear(now, from, { _tag: "ProbeResult", id: round.id, verdict })
  })

/** Makes a peer unreachable: its link is lost, its dial fails, and `others` do not reach it either. */
export const makeUnreachable = (node: Node, now: number, peer: PeerRecord, ...others: ReadonlyArray<PeerRecord>) => [
  ...loseLink(node, now, peer),
  ...failDial(node, now, peer),
  ...answerProbes(node, now, peer, "down", ...others),
]

// ---- projections ----

/** Returns the tag and name of each event among the outputs, such as `Joined b`. */
export const eventsOf = (outputs: ReadonlyArray<Output>): ReadonlyArray<string> =>
  outputs.flatMap((output) =>
    output._tag !== "Emit"
      ? []
      : "peer" in output.event
        ? [`${output.event._tag} ${output.event.peer.name}`]
        : [output.event._tag],
  )

/** Returns the frames of one kind among the outputs, with their receivers. */
export const framesOf = <Tag extends MembershipFrame["_tag"]>(
  outputs: ReadonlyArray<Output>,
  tag: Tag,
): ReadonlyArray<{
  readonly to: ReadonlyArray<string>
  readonly frame: Extract<MembershipFrame, { readonly _tag: Tag }>
}> =>
  outputs.flatMap((output) => {
    if (output._tag !== "Send" && output._tag !== "Answer") return []
    const to = output._tag === "Send" ? output.to : [output.peer.name]
    return isKind(output.frame, tag) ? [{ to, frame: output.frame }] : []
  })

const isKind = <Tag extends MembershipFrame["_tag"]>(
  frame: MembershipFrame,
  tag: Tag,
): frame is Extract<MembershipFrame, { readonly _tag: Tag }> => frame._tag === tag

/** Returns the records of a name in the Updates among the outputs. */
export const recordsSent = (outputs: ReadonlyArray<Output>, name: string): ReadonlyArray<PeerRecord> =>
  framesOf(outputs, "Update").flatMap(({ frame }) => frame.records.filter((record) => record.name === name))

/** Returns the code and name of each closed link, such as `parted b`. */
export const closedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "CloseLink" ? [`${output.code} ${output.peer.name}`] : []))

export const stoppedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "Stopped" ? [output.reason] : []))

export const statusInView = (node: Node, name: string) => node.state().view.peers.get(name)?.status

const project =
  <A>(of: (member: Member.Member) => A) =>
  (node: Node, name: string): A | undefined => {
    const member = node.state().members.get(name)
    return member === undefined ? undefined : of(member)
  }

export const localStatusOf = project(Member.localStatus)

export const linkOf = project(Member.linkState)

export const suspicionOf = project(Member.suspicionOf)

export const standingOf = project(({ standing }) => standing._tag)
