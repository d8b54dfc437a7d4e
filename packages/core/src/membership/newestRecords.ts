/**
 * The records of one frame that are worth merging, or sending. A frame may bring many records of one life, and each that is merged
 * may cost a comparison of bodies, an event and a relayed record.
 */
import * as PeerRecord from "../protocol/PeerRecord.ts"

/**
 * Returns the newest records of each life, in their order: of the greatest incarnation the greatest record that accuses
 * nobody, and one accusation of each accuser and status.
 */
export const newestRecords = (records: ReadonlyArray<PeerRecord.PeerRecord>): ReadonlyArray<PeerRecord.PeerRecord> => {
  if (records.length < 2) return records
  const newest = new Map<string, number>()
  for (const record of records) {
    const life = lifeOf(record)
    newest.set(life, Math.max(newest.get(life) ?? 0, record.incarnation))
  }
  // Mostly every record is of a life of its own.
  if (newest.size === records.length) return records
  const kept = new Map<string, PeerRecord.PeerRecord>()
  for (const record of records) {
    const life = lifeOf(record)
    if (record.incarnation < (newest.get(life) ?? 0)) continue
    // Names have no control characters, so keys are distinct.
    const slot = `${life}\0${record.status}\0${PeerRecord.isAccusation(record) ? (record.by ?? "") : ""}`
    const known = kept.get(slot)
    if (known === undefined || PeerRecord.compare(known, record) < 0) kept.set(slot, record)
  }
  return [...kept.values()]
}

const lifeOf = ({ generation, name }: PeerRecord.PeerRecord): string => `${generation}\0${name}`
