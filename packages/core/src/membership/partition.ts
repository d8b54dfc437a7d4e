/**
 * What the application is told when not one peer is lost but many at once: either this node is cut off, or the cluster is
 * in two parts (docs/protocol.md, section "Partitions"). Nothing is decided by it.
 */
import type { Peer } from "../Peer.ts"
import * as Draft from "./Draft.ts"
import * as State from "./State.ts"

/** No link is left, and the last attempt was not refused: it is rather this node that cannot be reached. */
export const isolate = (draft: Draft.Draft): void => {
  if (draft.state.isolated) return
  draft.state.isolated = true
  Draft.emit(draft, { _tag: "Isolated" })
}

/** A link is up. */
export const reconnect = (draft: Draft.Draft): void => {
  if (!draft.state.isolated) return
  draft.state.isolated = false
  Draft.emit(draft, { _tag: "Reconnected" })
}

/** So many of `size` members that fail within the longest suspicion are rather cut off than dead. */
export const threshold = (size: number): number => Math.max(2, Math.ceil(size / 4))

/** The size of the cluster before those were lost that are counted. */
const sizeBefore = ({ lost, view }: State.State): number => view.peers.size + lost.size + 1

/**
 * Looks at what a step has done: who was called failed, and who of those is back. One whose connection was refused has ended,
 * for it is its machine that says so, and is no sign of a partition.
 */
export const watch = (draft: Draft.Draft): void => {
  const { members } = draft.state
  for (const name of draft.state.lost.keys()) {
    const member = members.get(name)
    if (member?.localStatus !== "failed") regain(draft, name, member !== undefined)
  }
  // What is told here is about no peer, so it does not matter that the list grows.
  for (const output of draft.outputs) {
    if (output._tag !== "Emit" || output.event._tag !== "Failed") continue
    const { name } = output.event.peer
    if (members.get(name)?.dial !== "refused") lose(draft, name)
  }
  settle(draft)
}

const lose = (draft: Draft.Draft, name: string): void => {
  const { now, state } = draft
  const since = now - state.settings.suspicionMax
  const kept = [...state.lost].filter(([, at]) => state.partition !== undefined || at > since)
  state.lost = new Map([...kept, [name, now]])
  if (state.partition !== undefined || state.lost.size < threshold(sizeBefore(state))) return
  state.partition = { returned: new Set() }
  Draft.emit(draft, { _tag: "PartitionSuspected", lost: peersOf(draft, state.lost.keys()) })
}

/** One that was lost is back (`returned`), or will not come back. */
const regain = (draft: Draft.Draft, name: string, returned: boolean): void => {
  const { state } = draft
  const lost = new Map(state.lost)
  lost.delete(name)
  state.lost = lost
  if (state.partition !== undefined && returned) {
    state.partition = { returned: new Set(state.partition.returned).add(name) }
  }
}

/** It is over when those that are lost are few among all, of whom some may be new. */
const settle = (draft: Draft.Draft): void => {
  const { lost, partition } = draft.state
  if (partition === undefined || lost.size >= threshold(sizeBefore(draft.state))) return
  draft.state.partition = undefined
  Draft.emit(draft, {
    _tag: "PartitionHealed",
    returned: peersOf(draft, partition.returned),
    missing: peersOf(draft, lost.keys()),
  })
}

const peersOf = (draft: Draft.Draft, names: Iterable<string>): ReadonlyArray<Peer> => {
  const peers: Array<Peer> = []
  for (const name of names) {
    const member = draft.state.members.get(name)
    if (member !== undefined) peers.push(State.toPeer(member))
  }
  return peers
}
