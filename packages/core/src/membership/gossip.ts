/**
 * Dissemination (docs/protocol.md, section "Updates"). News wait for `updateDelay` to share a frame. This node
 * broadcasts its own news to every link. It sends news of others, accusations and failures as gossip, once, to some
 * random links.
 */
import * as Prng from "../internal/prng.ts"
import { isAccusation, type PeerRecord } from "../protocol/PeerRecord.ts"
import * as Draft from "./Draft.ts"
import { newestRecords } from "./newestRecords.ts"
import { atLeastOne } from "./Settings.ts"

/** Schedules a flush at `at`, or earlier if an earlier flush is scheduled. `at` defaults to `updateDelay` from now. */
export const scheduleFlush = ({ now, state }: Draft.Draft, at = now + state.settings.updateDelay): void => {
  state.flushAt = Math.min(at, state.flushAt ?? at)
}

/** Returns whether a flush is due. */
export const isFlushDue = ({ now, state }: Draft.Draft): boolean => state.flushAt !== undefined && now >= state.flushAt

/** Sends a record to every link at the next flush. */
export const broadcast = (draft: Draft.Draft, record: PeerRecord): void => {
  const { previous, state } = draft
  const broadcasts = Draft.writableShared(previous.broadcasts, state.broadcasts)
  broadcasts.set(record.name, record)
  state.broadcasts = broadcasts
  scheduleFlush(draft)
}

/** Sends a record to some links at the next flush. */
export const gossip = (draft: Draft.Draft, record: PeerRecord): void => {
  const { previous, state } = draft
  // This record replaces an older record of the same peer that waits to be broadcast.
  if (state.broadcasts.has(record.name)) return broadcast(draft, record)
  const waiting = Draft.writableShared(previous.gossip, state.gossip)
  // Each accuser shortens the timer of the suspicion, so an accusation does not replace the accusation of another peer.
  waiting.set(isAccusation(record) ? `${record.name}\0${record.by ?? ""}` : record.name, record)
  state.gossip = waiting
  scheduleFlush(draft)
}

/** Sends all waiting broadcasts and gossip. */
export const flush = (draft: Draft.Draft): void => {
  const { state } = draft
  const { broadcasts, linked } = state
  if (broadcasts.size > 0) Draft.send(draft, [...linked], { _tag: "Update", records: [...broadcasts.values()] })
  const records = newestRecords([...state.gossip.values()]).filter(({ name }) => !broadcasts.has(name))
  if (records.length > 0) {
    const [seed, to] = Prng.sample(state.seed, linked, atLeastOne(state.settings.relayFanOut(state.size)))
    state.seed = seed
    Draft.send(draft, to, { _tag: "Update", records })
  }
  state.broadcasts = new Map()
  state.gossip = new Map()
  state.flushAt = undefined
}
