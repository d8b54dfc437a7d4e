/**
 * Where the bytes of a frame are (docs/protocol.md, section "Frames"): `length u32 | kind u8 | body`,
 * all numbers big-endian, length counting kind and body.
 */
import type { Frame } from "../protocol/Frame.ts"

/** Bytes of the length field. */
export const lengthBytes = 4

/** Bytes before the body. */
export const headerBytes = lengthBytes + 1

/**
 * The largest length after the handshake: 256 KiB, which delay the frames behind them by about 2 ms on
 * a gigabit line, and a little for the fields around such a content.
 */
export const maxFrameBytes = 256 * 1024 + 64

/** The largest length before the handshake is complete, and all that one side may send until then. */
export const maxHandshakeBytes = 16 * 1024

/** The number of each kind. Zero is never one. */
export const kinds = {
  Hello: 1,
  HelloAck: 2,
  HelloReject: 3,
  Ready: 4,
  Ping: 5,
  Pong: 6,
  Bye: 7,
  Update: 16,
  YouAre: 17,
  SyncDigest: 18,
  SyncDelta: 19,
  Leave: 20,
  LeaveAck: 21,
  ProbeRequest: 22,
  ProbeResult: 23,
  Data: 32,
  Credit: 33,
  LaneOpen: 34,
  LaneClose: 35,
  Taken: 36,
  LaneClosed: 37,
} as const satisfies { readonly [Tag in Frame["_tag"]]: number }

/** Kinds from here on are extensions, which who does not know them skips. */
export const firstIgnorableKind = 128

/** Body of Ping and Pong: `seq u32 | viewHash u64 | lag u16`. */
export const heartbeatBytes = 14

/** Body of Credit: `lane u16 | bytes u32`. */
export const creditBytes = 6

/** Body of Taken: `lane u16 | id u32`. */
export const takenBytes = 6

/** Body of Data before total and payload: `lane u16 | flags u8`. */
export const dataFixedBytes = 3

/** `total u32`, in the first of several fragments. */
export const dataTotalBytes = 4

/** `id u32`, in the first fragment of a message that is to be confirmed. */
export const dataConfirmBytes = 4

/** Flags of Data. The other bits are reserved and zero. */
export const flags = { first: 1, last: 2, abort: 4, confirm: 8, trace: 16 } as const

/** All flags that version 1 knows. */
export const knownFlags = flags.first | flags.last | flags.abort | flags.confirm | flags.trace
