/** Minimal framing: a length in four bytes before each message. */
import type { Take } from "./Driver.ts"

export const headBytes = 4

/** Encodes a number of messages into one buffer. */
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
 * Splits chunks into messages. A message within one chunk is a view of the chunk. A message in several chunks is copied
 * once, into its own buffer.
 */
export const splitter = (take: Take): ((chunk: Buffer) => void) => {
  // Start of an incomplete head.
  let rest: Buffer | undefined
  // Incomplete message.
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
