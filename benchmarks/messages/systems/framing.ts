/** The least framing there is: a length in four bytes before each message. */
import type { Take } from "./Driver.ts"

export const headBytes = 4

/** So many messages in one buffer. */
export const encode = (payload: Uint8Array, count: number): Buffer => {
  const whole = headBytes + payload.length
  const buffer = Buffer.allocUnsafeSlow(whole * count)
  for (let pos = 0; pos < buffer.length; pos += whole) {
    buffer.writeUInt32BE(payload.length, pos)
    buffer.set(payload, pos + headBytes)
  }
  return buffer
}

/**
 * Cuts chunks into messages. One that lies in a chunk is a view of it; one that crosses a border is copied once, into a
 * buffer of its own.
 */
export const splitter = (take: Take): ((chunk: Buffer) => void) => {
  // A part of a head.
  let rest: Buffer | undefined
  // A part of a message.
  let body: Buffer | undefined
  let filled = 0
  return (chunk) => {
    let pos = 0
    if (body !== undefined) {
      pos = Math.min(body.length - filled, chunk.length)
      body.set(chunk.subarray(0, pos), filled)
      filled += pos
      if (filled < body.length) return
      take(body)
      body = undefined
    }
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    rest = undefined
    while (bytes.length - pos >= headBytes) {
      const size = bytes.readUInt32BE(pos)
      pos += headBytes
      if (bytes.length - pos < size) {
        body = Buffer.allocUnsafeSlow(size)
        body.set(bytes.subarray(pos))
        filled = bytes.length - pos
        return
      }
      take(new Uint8Array(bytes.buffer, bytes.byteOffset + pos, size))
      pos += size
    }
    if (pos < bytes.length) rest = bytes.subarray(pos)
  }
}
