/** Generators of every frame, with values at the limits of the encoding. */
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import * as Frame from "../../src/protocol/Frame.ts"
import { minWindow, traceBytes } from "../../src/protocol/constants.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"

const oneOf = <const A extends string | number | boolean | bigint>(values: ReadonlyArray<A>) =>
  Arbitrary.schema(Schema.Literals(values))

const intBetween = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Generates numbers up to `max`, often where the CBOR width changes. */
const uint = (max: number, min = 0) => {
  const borders = [0, 1, 23, 24, 255, 256, 65535, 65536, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]
  const fitting = [min, max, ...borders.filter((n) => n >= min && n <= max)]
  return Arbitrary.flatMap(oneOf([true, false]), (border) => (border ? oneOf(fitting) : intBetween(min, max)))
}

const bool = oneOf([true, false])

// Text pieces that break careless code: prototypes, UTF-8 widths, and marks that decoders drop.
const pieces = [
  "a",
  "B",
  "0",
  "_",
  "-",
  " ",
  "é",
  "中",
  "😀",
  "\uffff",
  "\ufeff",
  "a\u0301",
  "__proto__",
  "constructor",
]

const text = (minPieces: number, maxPieces: number) =>
  Arbitrary.map(Arbitrary.array(oneOf(pieces), { minLength: minPieces, maxLength: maxPieces }), (all) => all.join(""))

const name = text(1, 11)

const address = Arbitrary.map(
  Arbitrary.all([
    oneOf([
      "a",
      "example.org",
      "127.0.0.1",
      "::1",
      "fe80::1%eth0",
      `${`${"h".repeat(63)}.`.repeat(3)}${"h".repeat(61)}.`,
    ]),
    oneOf([1, 80, 24868, 65535]),
  ]),
  ([host, port]) => Result.getOrThrow(Address.make(host, port)),
)

const hash = Arbitrary.map(
  Arbitrary.all([uint(0xffff_ffff), uint(0xffff_ffff)]),
  ([high, low]) => (BigInt(high) << 32n) | BigInt(low),
)

const status = oneOf(["alive", "suspect", "failed", "left"])
const generation = uint(Number.MAX_SAFE_INTEGER)
const u32 = uint(0xffff_ffff)
const u16 = uint(0xffff)
const version = uint(0xffff, 1)

const metadata = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([text(0, 6), text(0, 20)]), { maxLength: 8 }),
  (pairs): Record<string, string> => Object.fromEntries(pairs),
)

/** Generates plain objects with these fields. If `all` is set, also generates objects without a prototype. */
const struct = <const Fields extends Record<string, Arbitrary.Arbitrary<unknown>>>(fields: Fields) =>
  Arbitrary.map(Arbitrary.all(fields), (value) => ({ ...value }))

const body = struct({
  addresses: Arbitrary.array(address, { maxLength: 8 }),
  metadata,
  versionMin: version,
  versionMax: version,
  features: Arbitrary.array(text(1, 5), { maxLength: 32 }),
})

const key = { name, generation, incarnation: u32, status }

/** Generates the value with or without an optional key. */
const orWithout = <A, B>(self: Arbitrary.Arbitrary<A>, strip: (value: A) => B): Arbitrary.Arbitrary<A | B> =>
  Arbitrary.map(Arbitrary.all([self, bool]), ([value, whole]) => (whole ? value : strip(value)))

export const record: Arbitrary.Arbitrary<PeerRecord> = orWithout(
  struct({ ...key, body, by: name, refused: bool }),
  ({ by: _, refused: __, ...others }) => others,
)

const belief = { generation, incarnation: u32, status }

const tag = <const Tag extends string>(_tag: Tag) => Arbitrary.Constant(_tag)

/** Returns the first item of each name. */
const distinct = <A>(items: ReadonlyArray<A>, nameOf: (item: A) => string): ReadonlyArray<A> => [
  ...new Map(items.toReversed().map((item) => [nameOf(item), item])).values(),
]

const records = Arbitrary.array(record, { maxLength: 3 })

const payload = Arbitrary.map(
  Arbitrary.flatMap(oneOf([true, false, false]), (large) =>
    large ? oneOf([4095, 4096, 9000, 65536]) : intBetween(0, 200),
  ),
  (size) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff),
)

const data: Arbitrary.Arbitrary<Frame.Data> = Arbitrary.map(
  struct({
    lane: u16,
    part: oneOf(["whole", "first", "middle", "last", "abort"]),
    more: intBetween(1, 1000),
    payload,
    confirm: u32,
    carries: oneOf(["nothing", "nothing", "confirm", "trace", "both"]),
  }),
  ({ carries, confirm, lane, more, part, payload }): Frame.Data => {
    const extra = {
      ...(carries === "confirm" || carries === "both" ? { confirm } : {}),
      ...(carries === "trace" || carries === "both"
        ? { trace: Uint8Array.from({ length: traceBytes }, (_, i) => (i * 11 + confirm) & 0xff) }
        : {}),
    }
    switch (part) {
      case "whole":
        return { _tag: "Data", lane, first: true, last: true, abort: false, payload, ...extra }
      case "first": {
        const total = payload.length + more
        return { _tag: "Data", lane, first: true, last: false, abort: false, total, payload, ...extra }
      }
      case "middle":
        return { _tag: "Data", lane, first: false, last: false, abort: false, payload }
      case "last":
        return { _tag: "Data", lane, first: false, last: true, abort: false, payload }
      case "abort":
        return { _tag: "Data", lane, first: false, last: false, abort: true, payload: new Uint8Array(0) }
    }
  },
)

const laneNumber = intBetween(1, 0xffff)

/** Generators by kind of frame. */
const byTag: { readonly [Tag in Frame.Frame["_tag"]]: Arbitrary.Arbitrary<Extract<Frame.Frame, { _tag: Tag }>> } = {
  Hello: orWithout(
    struct({
      _tag: tag("Hello"),
      versionMin: version,
      versionMax: version,
      label: name,
      record,
      instance: intBetween(0, Number.MAX_SAFE_INTEGER),
      linkEpoch: u32,
      dialedAddress: address,
      join: bool,
      viewHash: hash,
      window: u32,
      linkTimeout: u32,
    }),
    ({ join: _, ...others }) => others,
  ),
  HelloAck: orWithout(
    struct({
      _tag: tag("HelloAck"),
      version,
      record,
      instance: intBetween(0, Number.MAX_SAFE_INTEGER),
      viewHash: hash,
      window: u32,
      linkTimeout: u32,
      observedHost: text(0, 20),
      youAre: struct(belief),
    }),
    ({ youAre: _, ...others }) => others,
  ),
  HelloReject: orWithout(
    orWithout(
      struct({
        _tag: tag("HelloReject"),
        code: oneOf(Frame.rejectCodes),
        message: text(0, 40),
        atLeastGeneration: generation,
        retryAfter: u32,
      }),
      ({ atLeastGeneration: _, ...others }) => others,
    ),
    ({ retryAfter: _, ...others }) => others,
  ),
  Ready: orWithout(
    struct({ _tag: tag("Ready"), incarnation: u32, viewHash: hash, youAre: struct(belief) }),
    ({ youAre: _, ...others }) => others,
  ),
  Ping: struct({ _tag: tag("Ping"), seq: u32, viewHash: hash, lag: u16 }),
  Pong: struct({ _tag: tag("Pong"), seq: u32, viewHash: hash, lag: u16 }),
  Bye: struct({ _tag: tag("Bye"), code: oneOf(Frame.byeCodes), message: text(0, 40) }),
  Update: struct({ _tag: tag("Update"), records }),
  YouAre: struct({ _tag: tag("YouAre"), ...belief }),
  ProbeRequest: struct({ _tag: tag("ProbeRequest"), id: u32, target: name, generation, deadline: u32 }),
  ProbeResult: struct({ _tag: tag("ProbeResult"), id: u32, verdict: oneOf(Frame.verdicts) }),
  SyncDigest: struct({
    _tag: tag("SyncDigest"),
    entries: Arbitrary.map(Arbitrary.array(struct(key), { maxLength: 10 }), (keys) =>
      distinct(keys, (key) => key.name),
    ),
    last: bool,
  }),
  SyncDelta: struct({
    _tag: tag("SyncDelta"),
    records,
    want: Arbitrary.map(Arbitrary.array(name, { maxLength: 5 }), (names) => distinct(names, (name) => name)),
  }),
  Leave: struct({ _tag: tag("Leave"), generation }),
  LeaveAck: struct({ _tag: tag("LeaveAck"), generation }),
  Data: data,
  Credit: struct({ _tag: tag("Credit"), lane: u16, bytes: u32 }),
  LaneOpen: struct({
    _tag: tag("LaneOpen"),
    lanes: Arbitrary.array(
      orWithout(
        struct({ lane: laneNumber, name, format: text(1, 5), window: intBetween(minWindow, 0xffff_ffff) }),
        ({ format: _, ...others }) => others,
      ),
      { maxLength: 5 },
    ),
    last: bool,
  }),
  LaneClose: struct({ _tag: tag("LaneClose"), lane: laneNumber }),
  LaneClosed: struct({ _tag: tag("LaneClosed"), lane: laneNumber }),
  Taken: struct({ _tag: tag("Taken"), lane: u16, id: u32 }),
}

export const tags: ReadonlyArray<Frame.Frame["_tag"]> = [
  "Hello",
  "HelloAck",
  "HelloReject",
  "Ready",
  "Ping",
  "Pong",
  "Bye",
  "Update",
  "YouAre",
  "ProbeRequest",
  "ProbeResult",
  "SyncDigest",
  "SyncDelta",
  "Leave",
  "LeaveAck",
  "Data",
  "Credit",
  "LaneOpen",
  "LaneClose",
  "LaneClosed",
  "Taken",
]

/** Generates frames of this kind. */
export const frameOf = (tag: Frame.Frame["_tag"]): Arbitrary.Arbitrary<Frame.Frame> => byTag[tag]

/** Generates frames of any kind. */
export const frame: Arbitrary.Arbitrary<Frame.Frame> = Arbitrary.flatMap(oneOf(tags), frameOf)

/** Generates sequences of frames. */
export const frames: Arbitrary.Arbitrary<ReadonlyArray<Frame.Frame>> = Arbitrary.array(frame, { maxLength: 6 })

/** Generates seeds for random numbers of the tests. */
export const seed = intBetween(1, 0x7fff_ffff)
