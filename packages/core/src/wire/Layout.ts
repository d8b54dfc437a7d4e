/**
 * Layout of a frame (docs/protocol.md, section "Frames"): `length u32 | kind u8 | body`. All numbers are big-endian.
 * The length counts the kind and the body. This module has the sizes of the header, the limits of the length, and the
 * sizes and flags of Data. `FrameTable.ts` has the bodies of all other frames.
 */

/** Size of the length field, in bytes. */
export const lengthBytes = 4

/** Size of the header, in bytes: the length and the kind. */
export const headerBytes = lengthBytes + 1

/**
 * Maximum length after the handshake: 256 KiB, which delay the following frames by about 2 ms on a gigabit line, and 64
 * bytes for the fields around such content.
 */
export const maxFrameBytes = 256 * 1024 + 64

/** Maximum length before the handshake is complete, and maximum size of all bytes that one side may send until then. */
export const maxHandshakeBytes = 16 * 1024

/** First kind of the extensions. A peer skips frames of unknown kinds from this kind on. */
export const firstIgnorableKind = 128

/** Size of the fixed part of a Data body: `lane u16 | flags u8`. */
export const dataFixedBytes = 3

/** Size of `total u32`, in the first of several fragments. */
export const dataTotalBytes = 4

/** Size of `id u32`, in the first fragment of a message that requests an acknowledgement. */
export const dataConfirmBytes = 4

/** Flags of Data. The other bits are reserved and zero. */
export const flags = { first: 1, last: 2, abort: 4, confirm: 8, trace: 16 } as const

/** All flags that version 1 knows. */
export const knownFlags = flags.first | flags.last | flags.abort | flags.confirm | flags.trace

/** Returns whether a number fits 16 bits. */
export const isU16 = (n: number): boolean => (n & 0xffff) === n

/** Returns whether a number fits 32 bits. */
export const isU32 = (n: number): boolean => n >>> 0 === n
