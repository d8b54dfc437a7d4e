/**
 * Invariants that hold after every step of every node, for any inputs. {@link checkedStep} is `step` with a check of
 * all invariants. It returns sealed states, so that a step that changes an earlier state throws.
 */
import type { View, ViewChange } from "../../src/ClusterEvent.ts"
import * as ClusterEvent from "../../src/ClusterEvent.ts"
import type { Output } from "../../src/membership/Draft.ts"
import * as Member from "../../src/membership/Member.ts"
import * as Membership from "../../src/membership/Membership.ts"
import * as State from "../../src/membership/State.ts"
import type { Peer, PeerDescription } from "../../src/Peer.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { dialTargets } from "./dialTargets.ts"

const sealed = new WeakSet<object>()

const refuse = () => {
  throw new Error("a step changed a state that it does not own")
}

const forbid = (target: object, methods: ReadonlyArray<string>): void => {
  for (const method of methods) Object.defineProperty(target, method, { value: refuse })
}

/** Makes a value and everything in it read-only, including maps and sets. */
export const seal = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || sealed.has(value)) return value
  sealed.add(value)
  if (value instanceof Map) {
    for (const each of value.values()) seal(each)
    forbid(value, ["set", "delete", "clear"])
  } else if (value instanceof Set) {
    forbid(value, ["add", "delete", "clear"])
  } else {
    for (const key in value) seal(value[key])
  }
  Object.freeze(value)
  return value
}

/** A broken invariant. */
export class Violation extends Error {}

const require: (condition: boolean, message: () => string) => asserts condition = (condition, message) => {
  if (!condition) throw new Violation(message())
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "bigint" ? `${each}n` : each instanceof Map ? [...each] : each instanceof Set ? [...each] : each,
  )

const sameTexts = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  a === b || show(Object.entries(a).sort()) === show(Object.entries(b).sort())

const samePeer = (a: Peer, b: Peer): boolean =>
  a === b ||
  (a.name === b.name &&
    a.generation === b.generation &&
    a.status === b.status &&
    a.link === b.link &&
    (a.addresses === b.addresses || show(a.addresses) === show(b.addresses)) &&
    sameTexts(a.metadata, b.metadata))

const sameView = (a: View, b: View): boolean => {
  if (a === b) return true
  if (a.version !== b.version || a.isolated !== b.isolated || a.peers.size !== b.peers.size) return false
  if (!samePeer(a.self, b.self)) return false
  for (const [name, peer] of a.peers) {
    const other = b.peers.get(name)
    if (other === undefined || !samePeer(peer, other)) return false
  }
  return true
}

const hashes = new Map<string, bigint>()

/** Returns the hash of a member, computed once per name, generation and incarnation. */
const hashOf = ({ generation, incarnation, name }: PeerRecord.PeerRecord): bigint => {
  const key = `${generation} ${incarnation} ${name}`
  let hash = hashes.get(key)
  if (hash === undefined) {
    hash = PeerRecord.memberHash({ generation, incarnation, name })
    hashes.set(key, hash)
  }
  return hash
}

const isChange = (
  output: Output,
): output is Output & { _tag: "Emit"; event: Extract<ViewChange, { readonly peer: PeerDescription }> } =>
  output._tag === "Emit" && "peer" in output.event && output.event._tag !== "SlowPeer"

/** Checks the invariants of one state. */
export const checkState = (state: State.State): void => {
  const { candidates, members, reportedEnds, rounds, self, settings, tombstones, view } = state
  let inView = 0
  let hash = hashOf(self)
  for (const [name, member] of members) {
    require(name === member.record.name, () => `${name} is stored as ${member.record.name}`)
    require(member.hash === hashOf(member.record), () => `${name} has the hash of another record`)
    require(member.record.status !== "left", () => `${name} left, but is a member`)
    if (Member.countsInSize(member.record)) hash ^= member.hash
    const { reach, standing } = member
    if (reach._tag === "Linked") {
      require(standing._tag !== "Failed", () => `${name} is failed, but has a live link`)
    }
    // Only an accused record can have a suspicion, and an alive record has none.
    require((Member.suspicionOf(member) === undefined && standing._tag !== "Failed") ===
      (member.record.status === "alive"), () => `${name} is ${standing._tag} with a record ${member.record.status}`)
    require(standing._tag !== "Withheld" || reach._tag === "Linked" || member.disconnected, () =>
      `an accusation of ${name} is withheld without a link`)
    if (Member.isInView(member)) {
      inView++
      const peer = view.peers.get(name)
      require(peer !== undefined && samePeer(peer, Member.toPeer(member)), () =>
        `the view has ${show(peer)}, but the member is ${show(Member.toPeer(member))}`)
    }
    const tombstone = tombstones.get(name)
    require(tombstone === undefined, () => `${name} is a member, but has a tombstone`)
    require(state.phase._tag !== "Running" || rounds.has(name) || !Member.needsProbe(member), () =>
      `${name} has no link, but there is no probe round about it`)
    require(!digestTooLong(state), () => "the memory of incomplete digests is not bounded")
  }
  require(state.size === 1 + [...members.values()].filter(({ record }) => Member.countsInSize(record)).length, () =>
    `the size of the cluster is not ${state.size}`)
  const linked = [...members].flatMap(([name, member]) => (Member.isLinked(member) ? [name] : []))
  require(show([...state.linked].sort()) === show(linked.sort()), () =>
    `the linked names are ${show([...state.linked])}, but the members with a link are ${show(linked)}`)
  let awaited = 0
  for (const names of state.awaited.values()) awaited += names.size
  for (const [name, round] of rounds) {
    if (round._tag !== "Probing") continue
    awaited -= round.awaiting.size
    for (const from of round.awaiting) {
      require(state.awaited.get(from)?.has(name) === true, () =>
        `the awaited answers do not contain that of ${from} about ${name}`)
    }
  }
  require(awaited === 0, () => `${awaited} awaited answers belong to no round`)
  for (const [name, { standing }] of members) {
    require(state.accused.has(name) === (standing._tag !== "Alive"), () =>
      `${name} is ${standing._tag}, but the accused names disagree`)
  }
  for (const name of state.accused.keys()) require(members.has(name), () => `${name} is accused, but is not a member`)
  for (const [name, { expiresAt }] of candidates) {
    require(expiresAt >= state.nextExpiry, () => `${name} expires at ${expiresAt}, before ${state.nextExpiry}`)
  }
  for (const [announcer, count] of state.announced) {
    const those = [...candidates.values()].filter((each) => each.announcer === announcer)
    require(those.length === count, () =>
      `${announcer} announced ${those.length} candidates, but the count is ${count}`)
  }
  let oldest = Number.NEGATIVE_INFINITY
  for (const [name, { expiresAt }] of tombstones) {
    require(expiresAt >= oldest, () => `the tombstone of ${name} expires before an earlier one`)
    oldest = expiresAt
  }
  oldest = Number.NEGATIVE_INFINITY
  for (const [name, { expiresAt, generation, status }] of reportedEnds) {
    require(expiresAt >= oldest, () => `the reported end of ${name} expires before an earlier one`)
    oldest = expiresAt
    require(status === "left", () => `the reported end of ${name} is ${status}`)
    const met = members.get(name)?.record.generation ?? tombstones.get(name)?.generation ?? 0
    require(met < generation, () => `the life ${generation} of ${name} has a reported end, but this node met ${met}`)
  }
  for (const name of rounds.keys()) {
    const member = members.get(name)
    require(candidates.has(name) ||
      (member !== undefined && Member.needsProbe(member)) ||
      state.phase._tag !== "Running", () => `there is a probe round about ${name}, which needs none`)
  }
  require(!view.isolated || linked.length === 0, () => "a node with a link is isolated")
  for (const name of state.lost.keys()) {
    require(members.get(name)?.standing._tag === "Failed", () => `${name} is counted as lost, but has not failed`)
  }
  for (const { from } of state.pendingProbes) {
    const pending = state.pendingProbes.filter((probe) => probe.from === from).length
    require(pending <= settings.probesPerPeer, () => `${pending} probe requests of ${from} are pending`)
  }
  require(samePeer(view.self, State.selfPeer(state)), () =>
    `the view has ${show(view.self)} as this node, but its record is ${show(State.selfPeer(state))}`)
  require(state.health >= 0 && state.health <= 7, () => `a health of ${state.health}`)
  require(view.peers.size === inView, () => `the view has ${view.peers.size} peers, but ${inView} members belong in it`)
  require(state.viewHash === hash, () => "the view hash differs from the hash of the members")
  require(state.selfHash === hashOf(self), () => "this node's hash differs from the hash of its record")
  require(!members.has(self.name) && !candidates.has(self.name), () =>
    "a node is a member or candidate of its own state")
  require(self.status === "alive" || self.status === "left", () =>
    `a node has the status ${self.status} in its own record`)
  for (const [name, { record }] of candidates) {
    const tombstone = tombstones.get(name)
    require(record.status !== "left", () => `${name} left, but is a candidate`)
    require(tombstone === undefined || PeerRecord.compareKeys(record, tombstone) > 0, () =>
      `${name} ended as ${show(tombstone)}, but is a candidate as ${show(record)}`)
    const reportedEnd = reportedEnds.get(name)
    require(reportedEnd === undefined || PeerRecord.compareKeys(record, reportedEnd) > 0, () =>
      `${name} was reported as ${show(reportedEnd)}, but is a candidate as ${show(record)}`)
    const member = members.get(name)
    require(member === undefined || member.record.generation < record.generation, () =>
      `${name} is a member and a candidate of the same life`)
  }
  require(members.size + candidates.size <= settings.maxMembers, () =>
    `${members.size} members and ${candidates.size} candidates exceed the maximum of ${settings.maxMembers}`)
  require(tombstones.size <= Math.max(settings.tombstoneCapacity, 4 * (members.size + 1)), () =>
    `${tombstones.size} tombstones`)
  require(reportedEnds.size <= Math.max(settings.tombstoneCapacity, 4 * (members.size + 1)), () =>
    `${reportedEnds.size} reported ends`)
  for (const name of dialTargets(state).keys()) {
    require(members.get(name)?.disconnected !== true, () => `${name} is disconnected, but is a candidate`)
  }
}

const digestTooLong = ({ digests, settings }: State.State): boolean => {
  for (const entries of digests.values()) if (entries.length > settings.maxMembers + 1) return true
  return false
}

/** Returns whether an input can make a member: a link to it, or the answer of a member with a link to it. */
const isFirstHand = (input: Membership.Input, name: string): boolean =>
  (input._tag === "LinkUp" && input.record.name === name) ||
  (input._tag === "Received" && input.frame._tag === "ProbeResult" && input.frame.verdict === "up")

/** Checks the invariants of a state and the next state. */
const checkStep = (
  before: State.State,
  input: Membership.Input,
  after: State.State,
  outputs: ReadonlyArray<Output>,
): void => {
  let view = before.view
  for (const output of outputs) {
    if (output._tag === "Emit") view = ClusterEvent.apply(view, output.event)
    if (!isChange(output)) continue
    const { event } = output
    const { name } = event.peer
    const member = before.members.get(name)
    if (event._tag === "Joined" || event._tag === "Replaced") {
      require(isFirstHand(input, name), () => `${event._tag} of ${name} without a link to it, by ${show(input)}`)
    }
    if (event._tag === "Replaced") {
      require(event.old.generation < event.peer.generation, () => `${name} was replaced by an older life`)
    }
    if (event._tag === "Failed") {
      require(member !== undefined && !Member.isLinked(member), () => `${name} failed, but has a link`)
    }
    require(name !== before.self.name, () => `a node emits ${event._tag} about itself`)
  }
  require(sameView(view, after.view), () => `the events add up to ${show(view)}, but the state has ${show(after.view)}`)
  if (before === after) return
  for (const [was, is] of [
    [before.members, after.members],
    [before.candidates, after.candidates],
  ] as const) {
    if (was === is) continue
    for (const name of new Set([...was.keys(), ...is.keys()])) {
      require(was.get(name) === is.get(name) || after.touched.has(name), () => `${name} changed, but is not touched`)
    }
  }
  require(after.self.generation >= before.self.generation, () => "this node's own generation decreased")
  if (after.self.generation === before.self.generation) {
    require(after.self.incarnation >= before.self.incarnation, () => "this node's own incarnation decreased")
  }
  if (before.members !== after.members) {
    for (const [name, { record: old }] of before.members) {
      const next = after.members.get(name)?.record ?? after.tombstones.get(name)
      if (next === undefined) {
        const { size } = after.tombstones
        require(size >= after.settings.tombstoneCapacity, () => `${name} was a member, but is forgotten`)
        continue
      }
      // A life that failed or left gives way to an older life that completes a handshake.
      const isBack = input._tag === "LinkUp" && input.record.name === name
      if (isBack && before.members.get(name)?.standing._tag === "Failed" && next.generation < old.generation) continue
      require(next.generation >= old.generation, () => `the generation of ${name} decreased`)
      if (next.generation === old.generation) {
        require(next.incarnation >= old.incarnation, () => `the incarnation of ${name} decreased`)
        require(PeerRecord.compareKeys(next, old) >= 0, () =>
          `the record of ${name} went back from ${old.status} to ${next.status}`)
      }
    }
    for (const name of after.members.keys()) {
      require(before.members.has(name) || isFirstHand(input, name), () =>
        `${name} is a member from gossip alone, by ${show(input)}`)
    }
  }
  if (before.candidates !== after.candidates && input._tag !== "Tick") {
    for (const [name, { record: old }] of before.candidates) {
      const next = after.members.get(name)?.record
      if (next === undefined || next.generation !== old.generation) continue
      require(PeerRecord.compareKeys(next, old) >= 0, () => `the record of ${name} went back when the peer was met`)
    }
  }
  for (const ends of [before.tombstones, before.reportedEnds]) {
    for (const [name, end] of ends) {
      if (end.status !== "left") continue
      const member = after.members.get(name)
      const isBack = input._tag === "LinkUp" && input.record.name === name
      // A report about a later life says nothing about a member.
      if (member === undefined || isBack || member.record.generation === before.members.get(name)?.record.generation) {
        continue
      }
      require(PeerRecord.compareKeys(member.record, end) > 0, () =>
        `${name} left as ${show(end)}, but is back without a link`)
    }
  }
}

/** Takes a step from a sealed state and checks the invariants. */
export const checkedStep = (
  state: State.State,
  now: number,
  input: Membership.Input,
): readonly [State.State, ReadonlyArray<Output>] => {
  const [next, outputs] = Membership.step(state, now, input)
  if (next !== state) {
    seal(next)
    checkState(next)
  }
  checkStep(state, input, next, outputs)
  return [next, outputs]
}
