/**
 * Splits control frames with long lists into frames within the limits of one frame. The membership does not know the
 * size of its records on the wire; this module does.
 */
import { maxDigestEntries, maxOpenedLanes, maxRecords, maxWant } from "../protocol/constants.ts"
import type * as Frame from "../protocol/Frame.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import { maxChunkBytes, recordBytes, textBytes } from "../protocol/recordSize.ts"
import { maxHandshakeBytes } from "./Layout.ts"

/**
 * Returns frames that together have the content of this frame, each within the limits of a frame. Frames other than
 * Update, SyncDigest, SyncDelta and LaneOpen are always within the limits. An Update within the limits is returned as it
 * is, so that the encoder recognizes an Update that many links send.
 */
export const split = (frame: Frame.ControlFrame): ReadonlyArray<Frame.ControlFrame> => {
  switch (frame._tag) {
    case "Update": {
      const chunks = cut(frame.records, recordBytes, maxRecords)
      return chunks.length === 1 ? [frame] : chunks.map((records) => ({ _tag: "Update", records }))
    }
    case "LaneOpen": {
      const chunks = cut(frame.lanes, laneBytes, maxOpenedLanes)
      return chunks.map((lanes, i) => ({ _tag: "LaneOpen", lanes, last: frame.last && i === chunks.length - 1 }))
    }
    case "SyncDigest": {
      const chunks = cut(frame.entries, keyBytes, maxDigestEntries)
      return chunks.map((entries, i) => ({
        _tag: "SyncDigest",
        entries,
        last: frame.last && i === chunks.length - 1,
      }))
    }
    case "SyncDelta": {
      const records = cut(frame.records, recordBytes, maxRecords)
      const want = cut(frame.want, textBytes, maxWant)
      return Array.from({ length: Math.max(records.length, want.length) }, (_, i) => ({
        _tag: "SyncDelta",
        records: records[i] ?? [],
        want: want[i] ?? [],
      }))
    }
    default:
      return [frame]
  }
}

/** Upper bound of the size of a frame without its lists and texts: header, field names and numbers. */
const frameFixedBytes = 64

/** Returns an upper bound of the size of a frame. */
export const bytesOf = (frame: Frame.ControlFrame): number => {
  switch (frame._tag) {
    case "Update":
      return frameFixedBytes + sum(frame.records, recordBytes)
    case "LaneOpen":
      return frameFixedBytes + sum(frame.lanes, laneBytes)
    case "SyncDigest":
      return frameFixedBytes + sum(frame.entries, keyBytes)
    case "SyncDelta":
      return frameFixedBytes + sum(frame.records, recordBytes) + sum(frame.want, textBytes)
    case "ProbeRequest":
      return frameFixedBytes + textBytes(frame.target)
    case "Bye":
      return frameFixedBytes + textBytes(frame.message)
    case "Hello":
    case "HelloAck":
    case "HelloReject":
    case "Ready":
      return maxHandshakeBytes
    default:
      return frameFixedBytes
  }
}

const sum = <A>(items: ReadonlyArray<A>, bytesOfItem: (item: A) => number): number => {
  let bytes = 0
  for (const item of items) bytes += bytesOfItem(item)
  return bytes
}

/**
 * Splits a list before each item that would exceed {@link maxChunkBytes} or the maximum count. Returns one chunk for an
 * empty list.
 */
const cut = <A>(
  items: ReadonlyArray<A>,
  bytesOf: (item: A) => number,
  maxCount: number,
): ReadonlyArray<ReadonlyArray<A>> => {
  const chunks: Array<Array<A>> = []
  let chunk: Array<A> = []
  let left = maxChunkBytes
  for (const item of items) {
    const bytes = bytesOf(item)
    if (chunk.length > 0 && (bytes > left || chunk.length >= maxCount)) {
      chunks.push(chunk)
      chunk = []
      left = maxChunkBytes
    }
    chunk.push(item)
    left -= bytes
  }
  chunks.push(chunk)
  return chunks
}

/** Returns an upper bound of the size of an entry of a digest: its head, name, two numbers and the status. */
const keyBytes = (key: Key): number => textBytes(key.name) + 1 + 9 + 5 + 1

/** Returns an upper bound of the size of a lane: its field names, two numbers, name and format. */
const laneBytes = ({ format, name }: Frame.OpenedLane): number =>
  32 + textBytes(name) + (format === undefined ? 0 : 8 + textBytes(format))
