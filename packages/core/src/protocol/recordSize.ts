/**
 * Upper bounds of the sizes of records and texts on the wire, for modules that fill frames without encoding them.
 */
import type { PeerRecord } from "./PeerRecord.ts"

/**
 * Maximum size of the records, entries and names of one frame, in bytes. It is a quarter of the largest frame, because
 * data waits behind a control frame. One full record above the maximum also fits the largest frame.
 */
export const maxChunkBytes = 64 * 1024

/** Size of the longest head of a CBOR item that a frame can hold. */
const headBytes = 5

/** Returns an upper bound of the size of a text: no UTF-16 unit takes more than three bytes in UTF-8. */
export const textBytes = (text: string): number => headBytes + 3 * text.length

/** Upper bound of the size of the heads and names of the fields of a record, and of its numbers. */
const recordFixedBytes = 160

/** Returns an upper bound of the size of a record. */
export const recordBytes = (record: PeerRecord): number => {
  let bytes = recordFixedBytes + textBytes(record.name) + textBytes(record.by ?? "")
  for (const address of record.body.addresses) bytes += textBytes(address)
  for (const feature of record.body.features) bytes += textBytes(feature)
  for (const [key, value] of Object.entries(record.body.metadata)) bytes += textBytes(key) + textBytes(value)
  return bytes
}
