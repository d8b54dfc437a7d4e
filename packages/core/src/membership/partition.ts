/**
 * Events about the loss of many peers at once: either this node is cut off, or the cluster is in two parts
 * (docs/protocol.md, section "Partitions"). The membership depends on them in one place only: a suspicion lasts longer
 * on an isolated node (R5).
 */
import type { Peer, RemovedPeer } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import * as Member from "./Member.ts"
import type { State } from "./State.ts"

/**
 * Reports isolation: no link is left and the last dial was not refused, so this node's own connectivity may have
 * failed.
 */
export const startIsolation = (draft: Draft.Draft): void => {
  if (draft.state.view.isolated) return
  Draft.emit(draft, { _tag: "Isolated" })
}

/** Reports the end of an isolation. */
export const endIsolation = (draft: Draft.Draft): void => {
  if (!draft.state.view.isolated) return
  Draft.emit(draft, { _tag: "Reconnected" })
}

/** Returns the number of members of a cluster of `size` whose failure within `suspicionMax` indicates a partition. */
export const threshold = (size: number): number => Math.max(2, Math.ceil(size / 4))

/** Returns the size of the cluster before the losses. */
const sizeBeforeLosses = ({ lost, view }: State): number => view.peers.size + lost.size + 1

/**
 * Counts the members that failed in this step, and the lost members that returned. A member whose connection was
 * refused does not count, because the refusal shows that its process has ended.
 */
export const countLosses = (draft: Draft.Draft): void => {
  const { members, touched } = draft.state
  for (const name of touched) {
    if (!draft.state.lost.has(name)) continue
    const member = members.get(name)
    if (member?.standing._tag !== "Failed") removeLost(draft, name, member !== undefined)
  }
  // The loop appends to `outputs`, but appends no event about a peer.
  for (const output of draft.outputs) {
    if (output._tag !== "Emit" || output.event._tag !== "Failed") continue
    const { name } = output.event.peer
    const member = members.get(name)
    if (member === undefined || Member.dialOf(member) !== "refused") addLost(draft, name)
  }
  endIfFewAreLost(draft)
}

/** Counts a member as lost, and reports a partition if many members are lost. */
const addLost = (draft: Draft.Draft, name: string): void => {
  const { now, state } = draft
  const since = now - state.settings.suspicionMax
  const lost = Draft.writable(draft.previous.lost, state.lost)
  if (state.partition === undefined) {
    // The map begins with the members that were lost first.
    for (const [each, at] of lost) {
      if (at > since) break
      lost.delete(each)
    }
  }
  lost.set(name, now)
  state.lost = lost
  if (state.partition !== undefined || state.lost.size < threshold(sizeBeforeLosses(state))) return
  state.partition = { returned: new Set() }
  Draft.emit(draft, { _tag: "PartitionSuspected", lost: failedOf(draft, state.lost.keys()) })
}

/** Removes a member from the lost members, because it `returned` or was given up. */
const removeLost = (draft: Draft.Draft, name: string, returned: boolean): void => {
  const { state } = draft
  const lost = Draft.writable(draft.previous.lost, state.lost)
  lost.delete(name)
  state.lost = lost
  if (state.partition !== undefined && returned) {
    state.partition = { returned: new Set(state.partition.returned).add(name) }
  }
}

/** Reports the end of a partition when fewer members are lost than the threshold. */
const endIfFewAreLost = (draft: Draft.Draft): void => {
  const { lost, partition } = draft.state
  if (partition === undefined || lost.size >= threshold(sizeBeforeLosses(draft.state))) return
  draft.state.partition = undefined
  Draft.emit(draft, {
    _tag: "PartitionHealed",
    returned: presentOf(draft, partition.returned),
    missing: failedOf(draft, lost.keys()),
  })
}

/**
 * Returns the peers of these names in the view. A peer that returned may have failed, left or been disconnected since.
 */
const presentOf = ({ state }: Draft.Draft, names: Iterable<string>): ReadonlyArray<Peer> => {
  const peers: Array<Peer> = []
  for (const name of names) {
    const peer = state.view.peers.get(name)
    if (peer !== undefined) peers.push(peer)
  }
  return peers
}

/** Returns the members of these names as failed peers. */
const failedOf = ({ state }: Draft.Draft, names: Iterable<string>): ReadonlyArray<RemovedPeer<"failed">> => {
  const peers: Array<RemovedPeer<"failed">> = []
  for (const name of names) {
    const member = state.members.get(name)
    if (member !== undefined) peers.push(Member.toRemoved(member, "failed"))
  }
  return peers
}
