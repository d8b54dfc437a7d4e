/** Records, nodes and names that the tests of membership share. */
import * as Address from "../../src/Address.ts"
import type { MembershipFrame, Verdict } from "../../src/protocol/Frame.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import type { Body, PeerRecord, Status } from "../../src/protocol/PeerRecord.ts"
import { checkedStep, seal } from "./invariants.ts"

export const addressOf = (name: string): Address.Address => {
  const address = `${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "x")}:7946`
  if (!Address.isAddress(address)) throw new Error(`${address} is no address`)
  return address
}

export const bodyOf = (name: string, metadata: Readonly<Record<string, string>> = {}): Body => ({
  addresses: [addressOf(name)],
  metadata,
  versionMin: 1,
  versionMax: 1,
  features: [],
})

/** The wall clock of all tests, at time 0. */
export const wall = 1_000_000_000

/** A record in its first edition, with changes. */
export const recordOf = (name: string, changes: Partial<PeerRecord> = {}): PeerRecord => ({
  name,
  generation: wall,
  incarnation: 0,
  status: "alive",
  body: bodyOf(name),
  ...changes,
})

/** One node at the hands of a test: every step is checked against the invariants. */
export interface Node {
  readonly state: () => State.State
  /** Takes in one fact at a time and gives back what was wished. */
  readonly at: (now: number, input: Membership.Input) => ReadonlyArray<Output>
  /** Meets a peer. */
  readonly meet: (
    now: number,
    record: PeerRecord,
    more?: Partial<Membership.Input & { _tag: "LinkUp" }>,
  ) => ReadonlyArray<Output>
  /** Hears a frame from a peer, in its life of the record. */
  readonly hear: (now: number, from: PeerRecord, frame: MembershipFrame) => ReadonlyArray<Output>
  /**
   * Ticks at every deadline up to a time, and then at it. Of those that are asked about others these say at once that they
   * do not reach them; the rest says nothing.
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
      const outputs: Array<Output> = []
      const take = (time: number, wished: ReadonlyArray<Output>): void => {
        outputs.push(...wished)
        for (const { frame, to } of framesOf(wished, "ProbeRequest")) {
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
          return outputs
        }
        take(due, at(due, { _tag: "Tick" }))
      }
      throw new Error("the Ticks do not come to an end")
    },
  }
}

/** The tags and names of the events among the outputs, like `Joined b`. */
export const eventsOf = (outputs: ReadonlyArray<Output>): ReadonlyArray<string> =>
  outputs.flatMap((output) =>
    output._tag !== "Emit"
      ? []
      : "peer" in output.event
        ? [`${output.event._tag} ${output.event.peer.name}`]
        : [output.event._tag],
  )

/** The frames of one kind among the outputs, with whom they go to. */
export const framesOf = <Tag extends MembershipFrame["_tag"]>(
  outputs: ReadonlyArray<Output>,
  tag: Tag,
): ReadonlyArray<{
  readonly to: ReadonlyArray<string>
  readonly frame: Extract<MembershipFrame, { readonly _tag: Tag }>
}> =>
  outputs.flatMap((output) => {
    if (output._tag !== "Send") return []
    const { frame, to } = output
    return isKind(frame, tag) ? [{ to, frame }] : []
  })

const isKind = <Tag extends MembershipFrame["_tag"]>(
  frame: MembershipFrame,
  tag: Tag,
): frame is Extract<MembershipFrame, { readonly _tag: Tag }> => frame._tag === tag

/** What was told about a name, to whomever. */
export const toldOf = (outputs: ReadonlyArray<Output>, name: string): ReadonlyArray<PeerRecord> =>
  framesOf(outputs, "Update").flatMap(({ frame }) => frame.records.filter((record) => record.name === name))

/** Peers that many tests meet. */
export const b = recordOf("b")
export const c = recordOf("c")
export const d = recordOf("d")
export const e = recordOf("e")

/** A record as others say it. */
export const as = (record: PeerRecord, status: Status, incarnation = record.incarnation, by?: string): PeerRecord => ({
  ...record,
  status,
  incarnation,
  ...(by === undefined ? {} : { by }),
})

export const update = (...records: ReadonlyArray<PeerRecord>) => ({ _tag: "Update", records }) as const

/** The link to a peer is lost. */
export const lost = (node: Node, now: number, peer: PeerRecord) =>
  node.at(now, {
    _tag: "LinkDown",
    peer: { name: peer.name, generation: peer.generation },
    code: undefined,
    silent: true,
  })

/** A peer cannot be dialled. */
export const unreached = (node: Node, now: number, peer: PeerRecord, refused = false) =>
  node.at(now, { _tag: "DialFailed", name: peer.name, refused })

/** What those who are asked about a peer say now, all of them the same. */
export const answers = (
  node: Node,
  now: number,
  peer: PeerRecord,
  verdict: Verdict,
  ...others: ReadonlyArray<PeerRecord>
) =>
  others.flatMap((from) => {
    const round = node.state().rounds.get(peer.name)
    if (round?._tag !== "Probing" || !round.waiting.has(from.name)) return []
    return node.hear(now, from, { _tag: "ProbeResult", id: round.id, verdict })
  })

/** The link to a peer is lost, it cannot be dialled, and the others do not reach it either. */
export const gone = (node: Node, now: number, peer: PeerRecord, ...others: ReadonlyArray<PeerRecord>) => [
  ...lost(node, now, peer),
  ...unreached(node, now, peer),
  ...answers(node, now, peer, "down", ...others),
]

export const statusOf = (node: Node, name: string) => node.state().view.peers.get(name)?.status

export const closedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "CloseLink" ? [`${output.code} ${output.peer.name}`] : []))

export const stoppedOf = (outputs: ReadonlyArray<Output>) =>
  outputs.flatMap((output) => (output._tag === "Stopped" ? [output.reason] : []))

/** The node a that has links to these. */
export const linkedTo = (peers: ReadonlyArray<PeerRecord>, settings: Partial<Settings.Settings> = {}): Node => {
  const node = nodeOf("a", settings)
  for (const peer of peers) {
    node.meet(0, peer)
    // What it asked for at the start is answered, by nothing.
    node.hear(0, peer, { _tag: "SyncDelta", records: [], want: [] })
  }
  node.until(100)
  return node
}
