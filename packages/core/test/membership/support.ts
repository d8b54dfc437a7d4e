/** Records, nodes and names that the tests of membership share. */
import * as Address from "../../src/Address.ts"
import type { MembershipFrame } from "../../src/Frame.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import type { State } from "../../src/membership/State.ts"
import * as States from "../../src/membership/State.ts"
import type { Body, PeerRecord } from "../../src/PeerRecord.ts"
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
  readonly state: () => State
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
    States.make({
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
        const due = States.deadline(state)
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
