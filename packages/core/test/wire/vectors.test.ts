/**
 * Test vectors of docs/protocol-vectors. Other implementations rely on them, so a change that breaks a vector breaks
 * the protocol.
 */
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import * as Member from "../../src/membership/Member.ts"
import { Watchers } from "../../src/peering/Watchers.ts"
import type * as Frame from "../../src/protocol/Frame.ts"
import * as PeerName from "../../src/protocol/PeerName.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import * as Rendezvous from "../../src/Rendezvous.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameTable from "../../src/wire/FrameTable.ts"
import { recordOf } from "../protocol/records.ts"
import { decode, fromHex, toHex } from "./support.ts"

const directory = new URL("../../../../docs/protocol-vectors/", import.meta.url)

const load = <S extends Schema.Decoder<unknown>>(file: string, schema: S): S["Type"] =>
  Schema.decodeUnknownSync(schema)(JSON.parse(readFileSync(new URL(file, directory), "utf8")))

const AddressText = Schema.String.pipe(Schema.refine(Address.isAddress))

const Status = Schema.Literals(["alive", "suspect", "failed", "left"])

const Body = Schema.Struct({
  addresses: Schema.Array(AddressText),
  metadata: Schema.Record(Schema.String, Schema.String),
  versionMin: Schema.Number,
  versionMax: Schema.Number,
  features: Schema.Array(Schema.String),
})

const keyFields = { name: Schema.String, generation: Schema.Number, incarnation: Schema.Number }

const Key = Schema.Struct({ ...keyFields, status: Status })

const Record = Schema.Struct({
  ...keyFields,
  status: Status,
  body: Body,
  by: Schema.optionalKey(Schema.String),
  refused: Schema.optionalKey(Schema.Boolean),
})

/** Returns a frame in the format of the files: 64-bit hashes and payloads are hexadecimal text. */
const spell = (frame: Frame.Frame): unknown =>
  JSON.parse(
    JSON.stringify(frame, (_, value: unknown) =>
      typeof value === "bigint"
        ? value.toString(16).padStart(16, "0")
        : value instanceof Uint8Array
          ? toHex(value)
          : value,
    ),
  )

const FrameVector = Schema.Struct({
  description: Schema.String,
  kind: Schema.Number,
  hex: Schema.String,
  frame: Schema.Record(Schema.String, Schema.Unknown),
})

const checkFrame = (vector: typeof FrameVector.Type) => {
  const decoded = decode([fromHex(vector.hex)])
  expect(decoded.error).toBeUndefined()
  expect(decoded.frames.map(spell)).toStrictEqual([vector.frame])
  const [frame] = decoded.frames
  if (frame === undefined) throw new Error("expected a frame")
  expect(FrameTable.kinds[frame._tag]).toBe(vector.kind)
  expect(toHex(FrameEncoder.encode(frame))).toBe(vector.hex)
}

describe("docs/protocol-vectors", () => {
  it("contains only files that these tests read, and secrets.json, which those of the transport read", () => {
    expect(readdirSync(directory).sort()).toStrictEqual([
      "dialogue.json",
      "errors.json",
      "frames.json",
      "hashes.json",
      "orders.json",
      "secrets.json",
      "streams.json",
      "texts.json",
    ])
  })

  describe("frames.json", () => {
    const vectors = load("frames.json", Schema.Array(FrameVector))
    for (const vector of vectors) it(vector.description, () => checkFrame(vector))

    it("contains every kind of frame", () => {
      expect(new Set(vectors.map((vector) => vector.kind))).toStrictEqual(new Set(Object.values(FrameTable.kinds)))
    })
  })

  describe("dialogue.json", () => {
    const Line = Schema.Struct({ ...FrameVector.fields, from: Schema.Literals(["mini", "node"]) })
    const lines = load("dialogue.json", Schema.Array(Line))
    for (const line of lines) it(`${line.from}: ${line.description}`, () => checkFrame(line))

    it("is also decoded from two streams of bytes", () => {
      for (const from of ["mini", "node"]) {
        const own = lines.filter((line) => line.from === from)
        const { error, frames } = decode([fromHex(own.map((line) => line.hex).join(""))])
        expect(error).toBeUndefined()
        expect(frames.map(spell)).toStrictEqual(own.map((line) => line.frame))
      }
    })
  })

  describe("docs/protocol.md", () => {
    const text = readFileSync(new URL("../protocol.md", directory), "utf8")

    it("shows the dialogue, byte for byte", () => {
      const bare = text.replaceAll(/\s+/g, "")
      for (const { hex } of load("dialogue.json", Schema.Array(FrameVector)))
        expect(bare).toContain(`\`\`\`text${hex}\`\`\``)
    })

    it("explains all bytes of the first frame of the dialogue", () => {
      const [hello] = load("dialogue.json", Schema.Array(FrameVector))
      const table = text.slice(text.indexOf("| `00000113`"), text.indexOf("**node: HelloAck.**"))
      const bytes = [...table.matchAll(/^\| `([0-9a-f ]+)` \|/gm)].map((row) => row[1])
      expect(bytes.join("").replaceAll(" ", "")).toBe(hello?.hex)
    })

    it("lists the number of each kind", () => {
      for (const [tag, kind] of Object.entries(FrameTable.kinds)) expect(text).toContain(`| ${kind} | ${tag} |`)
    })
  })

  describe("streams.json", () => {
    const Stream = Schema.Struct({
      description: Schema.String,
      hex: Schema.String,
      frames: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
    })
    for (const vector of load("streams.json", Schema.Array(Stream))) {
      it(vector.description, () => {
        const { error, frames, partial } = decode([fromHex(vector.hex)])
        expect(error).toBeUndefined()
        expect(partial).toBe(false)
        expect(frames.map(spell)).toStrictEqual(vector.frames)
      })
    }
  })

  describe("errors.json", () => {
    const ErrorVector = Schema.Struct({
      description: Schema.String,
      hex: Schema.String,
      error: Schema.Literals(["oversize", "malformed", "unexpectedFrame"]),
    })
    for (const vector of load("errors.json", Schema.Array(ErrorVector))) {
      it(`${vector.description}: ${vector.error}`, () => {
        const bytes = fromHex(vector.hex)
        expect(decode([bytes])).toMatchObject({ frames: [], error: { code: vector.error } })
        const single = Array.from(bytes, (byte) => Uint8Array.of(byte))
        expect(decode(single)).toMatchObject({ frames: [], error: { code: vector.error } })
      })
    }
  })

  describe("hashes.json", () => {
    const described = { description: Schema.String, hash: Schema.String }
    const weighted = { name: Schema.String, weight: Schema.Number }
    const hashes = load(
      "hashes.json",
      Schema.Struct({
        memberHash: Schema.Array(Schema.Struct({ ...described, ...keyFields, bytes: Schema.String })),
        bodyHash: Schema.Array(Schema.Struct({ ...described, body: Body, bytes: Schema.String })),
        viewHash: Schema.Array(Schema.Struct({ ...described, members: Schema.Array(Key) })),
        rendezvous: Schema.Array(
          Schema.Struct({
            ...weighted,
            description: Schema.String,
            key: Schema.String,
            nameHash: Schema.String,
            keyHash: Schema.String,
            score: Schema.Number,
          }),
        ),
        owners: Schema.Struct({
          candidates: Schema.Array(Schema.Struct(weighted)),
          keys: Schema.Array(Schema.Struct({ key: Schema.String, owners: Schema.Array(Schema.String) })),
        }),
      }),
    )
    const spelled = (hash: bigint) => hash.toString(16).padStart(16, "0")

    for (const { bytes, description, hash, ...key } of hashes.memberHash) {
      it(`memberHash: ${description}`, () => {
        expect(spelled(PeerRecord.memberHash(key))).toBe(hash)
        expect(spelled(hashOf(fromHex(bytes)))).toBe(hash)
      })
    }
    for (const { body, bytes, description, hash } of hashes.bodyHash) {
      it(`bodyHash: ${description}`, () => {
        expect(spelled(PeerRecord.bodyHash(body))).toBe(hash)
        expect(spelled(hashOf(fromHex(bytes)))).toBe(hash)
      })
    }
    for (const { description, hash, members } of hashes.viewHash) {
      it(`viewHash: ${description}`, () => {
        const counted = members.filter(({ status }) => status === "alive" || status === "suspect")
        expect(spelled(counted.reduce((all, key) => all ^ PeerRecord.memberHash(key), 0n))).toBe(hash)
      })
    }
    const halves = ({ high, low }: Rendezvous.Hash) => spelled((BigInt(high) << 32n) | BigInt(low))

    for (const { description, key, keyHash, name, nameHash, score, weight } of hashes.rendezvous) {
      it(`rendezvous: ${description}`, () => {
        expect(halves(Rendezvous.hash(name))).toBe(nameHash)
        expect(halves(Rendezvous.hash(key))).toBe(keyHash)
        const ratio = Rendezvous.score(Rendezvous.candidate(name, weight), key) / score
        expect(ratio).toBeCloseTo(1, 12)
      })
    }
    for (const { key, owners } of hashes.owners.keys) {
      it(`owners of ${JSON.stringify(key)}: ${owners.join(", ")}`, () => {
        const candidates = hashes.owners.candidates.map(({ name, weight }) => Rendezvous.candidate(name, weight))
        expect(Rendezvous.owners(candidates, key, candidates.length).map(({ name }) => name)).toEqual(owners)
        expect(Rendezvous.owner(candidates, key)?.name).toBe(owners[0])
      })
    }
  })

  describe("orders.json", () => {
    const orders = load(
      "orders.json",
      Schema.Struct({
        names: Schema.Array(Schema.String),
        records: Schema.Array(Record),
        ring: Schema.Array(Schema.String),
      }),
    )
    const isAscending = <A>(items: ReadonlyArray<A>, compare: (a: A, b: A) => number) => {
      for (const [i, a] of items.entries()) {
        for (const [j, b] of items.entries()) expect(Math.sign(compare(a, b))).toBe(Math.sign(i - j))
      }
    }

    it("names are in ascending order", () => isAscending(orders.names, PeerName.compareNames))

    it("records are in ascending order", () => isAscending(orders.records, PeerRecord.compare))

    it("members watch their neighbors in the ring", () => {
      const { ring } = orders
      const members = new Map(ring.map((name) => [name, Member.make(recordOf(name), "Linked")]))
      for (const [i, self] of ring.entries()) {
        const watchers = new Watchers(self, 4)
        const others = new Map([...members].filter(([name]) => name !== self))
        watchers.update(
          { members: others, touched: new Set(others.keys()) },
          { members: new Map(), touched: new Set() },
        )
        const neighbors = [-2, -1, 1, 2].map((step) => ring[(i + step + ring.length) % ring.length])
        expect([...others.keys()].filter((name) => watchers.has(name)).sort()).toStrictEqual(neighbors.sort())
      }
    })
  })

  describe("texts.json", () => {
    const Texts = Schema.Struct({ valid: Schema.Array(Schema.String), invalid: Schema.Array(Schema.String) })
    const Spellings = Schema.Struct({
      ...Texts.fields,
      canonical: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
    })
    const texts = load("texts.json", Schema.Struct({ names: Texts, addresses: Spellings }))

    it("names are accepted or refused as listed", () => {
      for (const name of texts.names.valid) expect(PeerName.nameProblem(name)).toBeUndefined()
      for (const name of texts.names.invalid) expect(PeerName.nameProblem(name)).toBeTypeOf("string")
    })

    it("addresses are accepted or refused as listed", () => {
      for (const address of texts.addresses.valid) expect(Result.isSuccess(Address.parse(address))).toBe(true)
      for (const address of texts.addresses.valid) expect(Address.isAddress(address)).toBe(true)
      for (const address of texts.addresses.invalid) expect(Address.isAddress(address)).toBe(false)
    })

    it("addresses in any spelling get the canonical spelling", () => {
      for (const [input, canonical] of texts.addresses.canonical) {
        expect(Result.getOrUndefined(Address.parse(input))).toBe(canonical)
      }
    })
  })
})

/** Hash of docs/protocol.md, section "Hashes", as a second implementation of its text. */
const hashOf = (bytes: Uint8Array): bigint => {
  let h = 14695981039346656037n
  for (const byte of bytes) h = BigInt.asUintN(64, (h ^ BigInt(byte)) * 1099511628211n)
  h = BigInt.asUintN(64, (h ^ (h >> 33n)) * 18397679294719823053n)
  h = BigInt.asUintN(64, (h ^ (h >> 33n)) * 14181476777654086739n)
  return h ^ (h >> 33n)
}
