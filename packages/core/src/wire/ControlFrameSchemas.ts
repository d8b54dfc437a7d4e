/**
 * Schemas of the control frames with a CBOR map as body: all except heartbeats, Credit and Taken (docs/protocol.md,
 * section "Control frames"). One schema checks a frame in both directions, so that this node neither accepts nor sends
 * a value out of bounds.
 */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { Address } from "../Address.ts"
import * as Protocol from "../protocol/constants.ts"
import * as Frame from "../protocol/Frame.ts"
import * as PeerName from "../protocol/PeerName.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import { isLonger } from "../protocol/textSize.ts"

const maxU32 = 0xffff_ffff
const maxU64 = 0xffff_ffff_ffff_ffffn

// --- fields ---

const uint = (minimum: number, maximum: number) =>
  Schema.Number.check(
    Schema.makeFilter(
      (n: number) =>
        (Number.isInteger(n) && n >= minimum && n <= maximum) || `expected an integer from ${minimum} to ${maximum}`,
    ),
  )

const text = (minBytes: number, maxBytes: number) =>
  Schema.String.check(
    Schema.makeFilter((s: string) => {
      if (s.length < minBytes) return "must not be empty"
      if (isLonger(s, maxBytes)) return `at most ${maxBytes} bytes of UTF-8`
      return s.isWellFormed() || "must be well-formed Unicode"
    }),
  )

const atMost = (count: number) =>
  Schema.makeFilter((items: ReadonlyArray<unknown>) => items.length <= count || `at most ${count} entries`, {}, true)

/** Array schema that checks the length before the items. */
const list = <S extends Schema.Constraint>(item: S, count: number) =>
  Schema.Array(Schema.Unknown)
    .check(atMost(count))
    .pipe(Schema.decodeTo(Schema.Array(item).check(atMost(count))))

/** Refuses a list with a repeated name, so that one frame cannot request one record many times. */
const distinct = <A>(nameOf: (item: A) => string) =>
  Schema.makeFilter(
    (items: ReadonlyArray<A>) => new Set(items.map(nameOf)).size === items.length || "a name occurs twice",
  )

const Name = Schema.String.check(Schema.makeFilter(PeerName.nameProblem))

const Format = Schema.String.check(Schema.makeFilter(PeerName.formatProblem))

const Generation = uint(0, Protocol.maxGeneration)

const Incarnation = uint(0, Protocol.maxIncarnation)

const Instance = uint(0, Protocol.maxInstance)

const Version = uint(1, Protocol.maxVersion)

const U32 = uint(0, maxU32)

const hashBytes = 8

/** 64-bit hash. It is eight bytes on the wire, because not every CBOR library has integers beyond 2^53. */
const Hash = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === hashBytes || `expected ${hashBytes} bytes`),
).pipe(
  Schema.decodeTo(
    Schema.BigInt.check(Schema.makeFilter((n: bigint) => (n >= 0n && n <= maxU64) || "expected 64 bits")),
    {
      decode: SchemaGetter.transform((bytes) =>
        new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0),
      ),
      encode: SchemaGetter.transform((n) => {
        const bytes = new Uint8Array(hashBytes)
        new DataView(bytes.buffer).setBigUint64(0, n)
        return bytes
      }),
    },
  ),
)

/** Status, by its rank. */
const Status = uint(0, PeerRecord.statusOfRank.length - 1).pipe(
  Schema.decodeTo(Schema.Literals(["alive", "suspect", "failed", "left"]), {
    decode: SchemaGetter.transform((rank) => PeerRecord.statusOfRank[rank] ?? "alive"),
    encode: SchemaGetter.transform((status) => PeerRecord.rank[status]),
  }),
)

const Body = Schema.Struct({
  addresses: list(Address, Protocol.maxAddresses),
  metadata: Schema.Record(Schema.String, Schema.String).check(Schema.makeFilter(PeerRecord.metadataProblem)),
  versionMin: Version,
  versionMax: Version,
  features: list(text(1, Protocol.maxFeatureBytes), Protocol.maxFeatures),
})

const Record = Schema.Struct({
  name: Name,
  generation: Generation,
  incarnation: Incarnation,
  status: Status,
  body: Body,
  by: Schema.optional(Name),
  refused: Schema.optional(Schema.Boolean),
})

const beliefFields = { generation: Generation, incarnation: Incarnation, status: Status }

const Belief = Schema.Struct(beliefFields)

/** Entry of a digest. It is an array without keys, because a digest has many entries. */
const DigestEntry = Schema.Tuple([Name, Generation, Incarnation, Status]).pipe(
  Schema.decodeTo(
    Schema.Struct({
      name: Schema.String,
      generation: Schema.Number,
      incarnation: Schema.Number,
      status: Schema.Literals(["alive", "suspect", "failed", "left"]),
    }),
    {
      decode: SchemaGetter.transform(([name, generation, incarnation, status]) => ({
        name,
        generation,
        incarnation,
        status,
      })),
      encode: SchemaGetter.transform(
        ({ name, generation, incarnation, status }) => [name, generation, incarnation, status] as const,
      ),
    },
  ),
)

// --- frames ---

export const Hello = Schema.Struct({
  magic: Schema.Literal(Protocol.magic),
  versionMin: Version,
  versionMax: Version,
  label: Name,
  record: Record,
  instance: Instance,
  linkEpoch: U32,
  dialedAddress: Address,
  join: Schema.optional(Schema.Boolean),
  viewHash: Hash,
  window: U32,
  linkTimeout: U32,
})

export const HelloAck = Schema.Struct({
  version: Version,
  record: Record,
  instance: Instance,
  viewHash: Hash,
  window: U32,
  linkTimeout: U32,
  observedHost: text(0, Protocol.maxObservedHostBytes),
  youAre: Schema.optional(Belief),
})

export const HelloReject = Schema.Struct({
  code: Schema.Literals(Frame.rejectCodes),
  message: text(0, Protocol.maxMessageBytes),
  atLeastGeneration: Schema.optional(Generation),
  retryAfter: Schema.optional(U32),
})

export const Ready = Schema.Struct({ incarnation: Incarnation, viewHash: Hash, youAre: Schema.optional(Belief) })

export const Bye = Schema.Struct({ code: Schema.Literals(Frame.byeCodes), message: text(0, Protocol.maxMessageBytes) })

export const Update = Schema.Struct({ records: list(Record, Protocol.maxRecords) })

export const YouAre = Schema.Struct(beliefFields)

export const ProbeRequest = Schema.Struct({ id: U32, target: Name, generation: Generation, deadline: U32 })

export const ProbeResult = Schema.Struct({ id: U32, verdict: Schema.Literals(Frame.verdicts) })

export const SyncDigest = Schema.Struct({
  entries: list(DigestEntry, Protocol.maxDigestEntries).check(distinct(({ name }) => name)),
  last: Schema.Boolean,
})

export const SyncDelta = Schema.Struct({
  records: list(Record, Protocol.maxRecords),
  want: list(Name, Protocol.maxWant).check(distinct((name) => name)),
})

export const Leave = Schema.Struct({ generation: Generation })

export const LeaveAck = Schema.Struct({ generation: Generation })

const LaneNumber = uint(1, 0xffff)

export const LaneOpen = Schema.Struct({
  lanes: list(
    Schema.Struct({
      lane: LaneNumber,
      name: Name,
      format: Schema.optional(Format),
      window: uint(Protocol.minWindow, maxU32),
    }),
    Protocol.maxOpenedLanes,
  ),
  last: Schema.Boolean,
})

export const LaneClose = Schema.Struct({ lane: LaneNumber })

export const LaneClosed = Schema.Struct({ lane: LaneNumber })
