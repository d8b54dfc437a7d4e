/** Transport that wraps another transport and counts the written frames by kind. */
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import * as Layout from "../../src/wire/Layout.ts"

export interface Count {
  frames: number
  bytes: number
}

/** Written frames and bytes, by kind of frame. */
export type Counts = Map<string, Count>

const nameOf: ReadonlyMap<number, string> = new Map(
  Object.entries(FrameTable.kinds).map(([name, kind]) => [kind, name]),
)

/** Creates a counter for one direction of one connection, which is a sequence of `length u32 | kind u8 | body`. */
const follow = (counts: Counts): ((bytes: Uint8Array) => void) => {
  const header = new Uint8Array(Layout.headerBytes)
  let known = 0
  let skip = 0
  return (bytes) => {
    let at = 0
    while (at < bytes.length) {
      if (skip > 0) {
        const some = Math.min(skip, bytes.length - at)
        skip -= some
        at += some
        continue
      }
      header[known++] = bytes[at++] ?? 0
      if (known < Layout.headerBytes) continue
      known = 0
      const view = new DataView(header.buffer)
      const length = view.getUint32(0)
      const kind = nameOf.get(view.getUint8(Layout.lengthBytes)) ?? "unknown"
      const count = counts.get(kind) ?? { frames: 0, bytes: 0 }
      count.frames++
      count.bytes += Layout.lengthBytes + length
      counts.set(kind, count)
      skip = length - 1
    }
  }
}

const counted = (connection: Transport.Connection, counts: Counts): Transport.Connection => {
  const feed = follow(counts)
  return {
    ...connection,
    write: (chunks) => {
      for (const chunk of chunks) feed(chunk)
      return connection.write(chunks)
    },
  }
}

/** Wraps a transport and counts the frames that it writes. */
export const layer = (counts: Counts): Layer.Layer<Transport.Transport, never, Transport.Transport> =>
  Layer.effect(Transport.Transport)(
    Effect.map(Transport.Transport, (transport) => ({
      listen: Effect.map(transport.listen, (listener) => ({
        ...listener,
        run: (handler) => listener.run((connection) => handler(counted(connection, counts))),
      })),
      connect: (address) => Effect.map(transport.connect(address), (connection) => counted(connection, counts)),
    })),
  )

/** Returns the difference of two counts. */
export const since = (counts: Counts, before: Counts): Counts => {
  const result: Counts = new Map()
  for (const [kind, { bytes, frames }] of counts) {
    const old = before.get(kind)
    const count = { frames: frames - (old?.frames ?? 0), bytes: bytes - (old?.bytes ?? 0) }
    if (count.frames > 0) result.set(kind, count)
  }
  return result
}

/** Returns a copy of the current counts. */
export const copy = (counts: Counts): Counts => new Map([...counts].map(([kind, count]) => [kind, { ...count }]))

export const sum = (counts: Counts): Count => {
  const total = { frames: 0, bytes: 0 }
  for (const { bytes, frames } of counts.values()) {
    total.frames += frames
    total.bytes += bytes
  }
  return total
}
