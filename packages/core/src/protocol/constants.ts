/**
 * Every number of the protocol that is not part of the layout of a frame (docs/protocol.md, section "Limits"). Both ends
 * must agree on these numbers, so none of them is an option. `wire/Layout.ts` has the sizes and flags of the layout, and
 * `Limits.ts` has the bounds that each node chooses for itself.
 */
import { maxHostLength } from "../internal/hosts.ts"

// --- versions ---

/** Protocol version that this library speaks. */
export const protocolVersion = 1

/** Greatest version number: a version is 16 bits. */
export const maxVersion = 0xffff

// --- names and records ---

/** Maximum length of the name of a peer, a cluster or a lane, in bytes of UTF-8. */
export const maxNameBytes = 128

/** Greatest generation, which is the greatest integer that a double counts exactly. */
export const maxGeneration = Number.MAX_SAFE_INTEGER

/** Greatest incarnation, so that an incarnation fits 32 bits on the wire. */
export const maxIncarnation = 0xffff_ffff

/** Greatest instance of a process, which is the greatest integer that a double counts exactly. */
export const maxInstance = Number.MAX_SAFE_INTEGER

/** Maximum length of the name of a format, in bytes of UTF-8: enough for a word and a version. */
export const maxFormatBytes = 64

/** Maximum number of addresses of one peer. */
export const maxAddresses = 8

/** Maximum number of optional features of one peer. */
export const maxFeatures = 32

/** Maximum length of the name of a feature, in bytes: enough for a reversed domain name and a version. */
export const maxFeatureBytes = 64

/** Maximum size of metadata, in bytes: keys and values in UTF-8, together. */
export const maxMetadataBytes = 8192

/**
 * Maximum number of pairs of metadata. {@link maxMetadataBytes} does not count the heads of keys and values, and thousands
 * of tiny pairs would make a record too large for its owner's Hello, which is limited to 16 KiB.
 */
export const maxMetadataPairs = 256

// --- the handshake ---

/** Value of `magic` in every Hello. It tells a stranger that speaks another CBOR protocol from a broken peer. */
export const magic = "COTERIE"

/** Maximum length of the explanation in a HelloReject or Bye, in bytes: a line of a log, not a document. */
export const maxMessageBytes = 512

/** Maximum length of the observed host in a HelloAck, in bytes: the longest DNS name. */
export const maxObservedHostBytes = maxHostLength

/**
 * Shortest link timeout that a peer may announce, in milliseconds. The other side writes about 30 heartbeats a second then, and
 * no peer can ask for more.
 */
export const minLinkTimeout = 100

/** Longest link timeout that a peer may announce, in milliseconds, so that it fits 32 bits on the wire. */
export const maxLinkTimeout = 0xffff_ffff

// --- lists in control frames ---

/** Maximum number of records in one frame. Bounds the work of one frame; the length of the frame mostly ends it earlier. */
export const maxRecords = 1024

/** Maximum number of entries in one chunk of a digest: what fits the largest frame with names of usual length. */
export const maxDigestEntries = 4096

/** Maximum number of names that one SyncDelta may request: as many records as one frame may answer with. */
export const maxWant = maxRecords

/** Maximum number of lanes that one LaneOpen may open. A sender opens more lanes with several frames. */
export const maxOpenedLanes = 1024

// --- rate ---

/**
 * Control frames a second that every receiver takes, and at once. A busy cluster of hundreds says some tens a second. A sender
 * paces its answers by half of both, so that what a network or a pause of a process holds back for two seconds, and then delivers
 * at once, is within them.
 */
export const minControlRate = 1_000
export const minControlBurst = 2_000

/** Number of entries in the lists of a control frame that count as one more frame: they cost a receiver about as much. */
export const entriesPerControl = 32

/** Number of bytes of a control frame that count as one more frame. A record has 8 KiB of metadata at most. */
export const bytesPerControl = 8192

/** Maximum number of anti-entropy exchanges that a node may start in a second. */
export const maxExchangeRate = 4

// --- lanes and credit ---

/** Number of the inbox, the lane that is always open. */
export const inboxLane = 0

/** Name under which this node reads its inbox: empty, which the name of no other lane may be. */
export const inboxName = ""

/** Maximum number of lanes that one side may have open on a link, besides the inbox. */
export const maxLanes = 4096

/** Smallest window that a peer may announce, in bytes. A smaller window could not carry messages. */
export const minWindow = 1_024

/** Cost of a Data frame in credit beyond its payload, in bytes, so that empty messages are not free. */
export const dataOverhead = 64

/** Maximum payload of one Data frame, in bytes. */
export const maxFragmentBytes = 64 * 1024

/** Size of a trace: a trace id of 16 bytes, a span id of 8, and one byte of flags (W3C Trace Context, section 3.2). */
export const traceBytes = 25
