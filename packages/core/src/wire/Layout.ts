/**
 * Layout of a frame (docs/protocol.md, section "Frames"): `length u32 | kind u8 | body`. All numbers are big-endian, and
 * the length counts kind and body. This module has the sizes of the header, the limits of the length, and the sizes and
 * flags of Data; `FrameTable.ts` has the bodies of all other frames.
 */

/** Size of the length field, in bytes. */
export const lengthBytes = 4

/** Size of the header, in bytes: the length and the kind. */
export const headerBytes = lengthBytes + 1

/**
 * Maximum length after the handshake: 256 KiB, which delay the frames behind them by about 2 ms on a gigabit line, and a
 * little for the fields around such a content.
 */
export const maxFrameBytes = 256 * 1024 + 64

/** Maximum length before the handshake is complete, and maximum size of all that one side may send until then. */
export const maxHandshakeBytes = 16 * 1024

/** First kind of the extensions. A peer that does not know a kind from here on skips the frame. */
export const firstIgnorableKind = 128

/** Size of the fixed part of a Data body: `lane u16 | flags u8`. */
export const dataFixedBytes = 3

/** Size of `total u32`, in the first of several fragments. */
export const dataTotalBytes = 4

/** Size of `id u32`, in the first fragment of a message that is to be acknowledged. */
export const dataConfirmBytes = 4

/** Flags of Data. The other bits are reserved and zero. */
export const flags = { first: 1, last: 2, abort: 4, confirm: 8, trace: 16 } as const

/** All flags that version 1 knows. */
export const knownFlags = flags.first | flags.last | flags.abort | flags.confirm | flags.trace

/** Checks that a number fits 16 bits. */
export const isU16 = (n: number): boolean => (n & 0xffff) === n

/** Checks that a number fits 32 bits. */
export const isU32 = (n: number): boolean => n >>> 0 === n
