/** Helpers for the tests of `wire`. */
import type * as Frame from "../../src/protocol/Frame.ts"
import * as FrameDecoder from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Layout from "../../src/wire/Layout.ts"
import type { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"

export interface Decoded {
  readonly frames: ReadonlyArray<Frame.Frame>
  readonly error: ProtocolViolation | undefined
  readonly partial: boolean
}

/** Decodes the chunks with the limits after the handshake. */
export const decode = (
  chunks: ReadonlyArray<Uint8Array>,
  options: FrameDecoder.Options = { maxFrameBytes: Layout.maxFrameBytes },
): Decoded => {
  const decoder = new FrameDecoder.FrameDecoder(options)
  const frames: Array<Frame.Frame> = []
  let error: ProtocolViolation | undefined
  for (const chunk of chunks) error = decoder.feed(chunk, frames)
  return { frames, error, partial: decoder.isPartial() }
}

export const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let pos = 0
  for (const chunk of chunks) {
    all.set(chunk, pos)
    pos += chunk.length
  }
  return all
}

export const encodeAll = (frames: ReadonlyArray<Frame.Frame>): Uint8Array => concat(frames.map(FrameEncoder.encode))

/** Cuts the bytes at these positions into separate arrays. */
export const cutAt = (bytes: Uint8Array, places: ReadonlyArray<number>): Array<Uint8Array> => {
  const borders = [0, ...places, bytes.length]
  return borders.slice(1).map((to, i) => bytes.slice(borders[i], to))
}

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** Creates a frame of any kind with any body. */
export const raw = (kind: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(5 + body.length)
  new DataView(bytes.buffer).setUint32(0, body.length + 1)
  bytes[4] = kind
  bytes.set(body, 5)
  return bytes
}

/** Returns a generator of random numbers below n that depends only on the seed. */
export const randomOf = (seed: number): ((n: number) => number) => {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

/** Returns a whole message in one Data frame. */
export const dataOf = (payload: Uint8Array): Frame.Data => ({
  _tag: "Data",
  lane: 0,
  first: true,
  last: true,
  abort: false,
  payload,
})
