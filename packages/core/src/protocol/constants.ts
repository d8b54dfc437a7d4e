/**
 * Numbers of the protocol that are not part of the layout of a frame (docs/protocol.md, section "Limits"). Both ends
 * must agree on these numbers, so none of them is an option. `wire/Layout.ts` has the sizes and flags of the layout.
 * `Limits.ts` has the limits that each node chooses for itself.
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
 * Maximum number of pairs of metadata. {@link maxMetadataBytes} does not count the heads of keys and values, and
 * thousands of tiny pairs would make a record too large for its owner's Hello, which is limited to 16 KiB.
 */
export const maxMetadataPairs = 256

// --- the handshake ---

/** Value of `magic` in every Hello. It distinguishes a broken peer from another program that speaks CBOR. */
export const magic = "COTERIE"

/** Maximum length of the explanation in a HelloReject or Bye, in bytes. Enough for one log line. */
export const maxMessageBytes = 512

/** Maximum length of the observed host in a HelloAck, in bytes: the longest DNS name. */
export const maxObservedHostBytes = maxHostLength

/**
 * Shortest link timeout that a peer may announce, in milliseconds. With it the other side writes about 30 heartbeats
 * per second. No peer can request more.
 */
export const minLinkTimeout = 100

/** Longest link timeout that a peer may announce, in milliseconds, so that it fits 32 bits on the wire. */
export const maxLinkTimeout = 0xffff_ffff

// --- lists in control frames ---

/**
 * Maximum number of records in one frame. It limits the work of one frame; the maximum frame length is usually reached
 * earlier.
 */
export const maxRecords = 1024

/** Maximum number of entries in one chunk of a digest. With names of usual length they fit the largest frame. */
export const maxDigestEntries = 4096

/** Maximum number of names that one SyncDelta may request: the number of records that one frame may contain. */
export const maxWant = maxRecords

/** Maximum number of lanes that one LaneOpen may open. A sender opens more lanes with several frames. */
export const maxOpenedLanes = 1024

// --- rate ---

/**
 * Rate of control frames, per second and at once, that every receiver accepts. A busy cluster of hundreds of nodes
 * sends some tens per second. A sender limits its answers to half of both. The frames that a delay of the network or
 * the process holds back for two seconds are therefore within the rate when they arrive at once.
 */
export const minControlRate = 1_000
export const minControlBurst = 2_000

/**
 * Number of list entries of a control frame that count as one more frame, because they cost a receiver about as much.
 */
export const entriesPerControl = 32

/** Number of bytes of a control frame that count as one more frame. A record has at most 8 KiB of metadata. */
export const bytesPerControl = 8192

/** Maximum number of anti-entropy exchanges that a node may start per second. */
export const maxExchangeRate = 4

// --- lanes and credit ---

/** Number of the inbox, which is always open. */
export const inboxLane = 0

/** Name under which this node reads its inbox. It is empty, and no other lane may have an empty name. */
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
