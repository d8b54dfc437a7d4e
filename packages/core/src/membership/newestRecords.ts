/**
 * Selection of the records of one frame that are worth merging or sending. A frame may contain many records of one
 * life. Each merged record may cost a comparison of bodies, an event and a relayed record.
 */
import * as PeerRecord from "../protocol/PeerRecord.ts"

/**
 * Returns the newest records of each life, in their order. Only records of the greatest incarnation remain: the
 * greatest record without an accusation, and one accusation per accuser and status.
 */
export const newestRecords = (records: ReadonlyArray<PeerRecord.PeerRecord>): ReadonlyArray<PeerRecord.PeerRecord> => {
  if (records.length < 2) return records
  const newest = new Map<string, number>()
  for (const record of records) {
    const life = lifeOf(record)
    newest.set(life, Math.max(newest.get(life) ?? 0, record.incarnation))
  }
  // In most frames every record belongs to another life.
  if (newest.size === records.length) return records
  const kept = new Map<string, PeerRecord.PeerRecord>()
  for (const record of records) {
    const life = lifeOf(record)
    if (record.incarnation < (newest.get(life) ?? 0)) continue
    // Names contain no control characters, so the keys are distinct.
    const slot = `${life}\0${record.status}\0${PeerRecord.isAccusation(record) ? (record.by ?? "") : ""}`
    const known = kept.get(slot)
    if (known === undefined || PeerRecord.compare(known, record) < 0) kept.set(slot, record)
  }
  return [...kept.values()]
}

const lifeOf = ({ generation, name }: PeerRecord.PeerRecord): string => `${generation}\0${name}`
