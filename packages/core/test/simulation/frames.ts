/** Text forms of the frames between nodes, for traces. */
import type { Simulation } from "@coterie/testkit"
import type * as Frame from "../../src/protocol/Frame.ts"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"

/** Replaces values that JSON has no form for: bytes and integers of 64 bits. */
const readable = (key: string, value: unknown): unknown => {
  if (key === "_tag") return undefined
  if (typeof value === "bigint") return value.toString(16)
  if (value instanceof Uint8Array) return new TextDecoder().decode(value.subarray(0, 80))
  return value
}

const text = (frame: Frame.Frame): string => JSON.stringify(frame, readable).slice(0, 400)

/** Makes a decoder for one direction of one connection. */
export const describe = (): Simulation.Describe => {
  const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 })
  return (bytes) => {
    const frames: Array<Frame.Frame> = []
    const fault = decoder.feed(bytes, frames)
    const found = frames.map((frame) => ({ kind: frame._tag, text: text(frame) }))
    return fault === undefined ? found : [...found, { kind: "garbage", text: String(fault.message) }]
  }
}
