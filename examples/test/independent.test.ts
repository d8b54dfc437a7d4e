/**
 * A peer that was written from docs/protocol.md alone, among real nodes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Peers from "../demo/Peers.ts"
import * as Mini from "../independent/peer.mjs"
import * as Child from "../support/Child.ts"

const startMini = (address: string) =>
  Child.spawn("mini", NodePath.join(import.meta.dirname, "../independent/peer.mjs"), [
    "--name",
    "mini",
    "--cluster",
    "demo",
    "--join",
    address,
  ])

/** A line of the independent peer that has these fields. */
const printed =
  (wanted: Readonly<Record<string, unknown>>): Child.Pick<Readonly<Record<string, unknown>>> =>
  (line) => {
    const said: Readonly<Record<string, unknown>> = JSON.parse(line)
    return Object.entries(wanted).every(([key, value]) => said[key] === value) ? said : undefined
  }

/** The independent peer has a link to another. */
const meets = (mini: Child.Child, { name }: Peers.Peer, options?: Child.Wait) =>
  mini.expect(`a link to ${name}`, printed({ event: "up", peer: name }), options)

/** A node lists the independent peer, with a link. */
const listsMini = (node: Peers.Peer, options?: Child.Wait) =>
  node.expect(
    "that it lists mini",
    Peers.report("View", ({ peers }) => peers.some(({ link, name }) => name === "mini" && link === "up")),
    options,
  )

/** What a node has told about the independent peer so far. */
const told = (node: Peers.Peer) =>
  node
    .since(
      0,
      Peers.report("Event", ({ peer }) => peer === "mini"),
    )
    .map(({ event }) => event)

/** A name before "mini" and one after it: with one it answers heartbeats and waits for digests, with the other not. */
const startNodes = Effect.gen(function* () {
  const ann = yield* Peers.start("ann", [])
  const zed = yield* Peers.start("zed", [ann.address])
  yield* Peers.lists(ann, [zed])
  return [ann, zed] as const
})

const patience = 60_000
const slow = { within: "20 seconds" } as const

describe("an independent peer", () => {
  it.live(
    "is listed, hears and says messages of any size, and leaves in good order",
    () =>
      Effect.gen(function* () {
        const [ann, zed] = yield* startNodes
        const mini = yield* startMini(ann.address)
        for (const node of [ann, zed]) {
          yield* meets(mini, node)
          yield* listsMini(node)
          yield* mini.expect(node.name, printed({ event: "member", name: node.name, status: "alive" }))
        }

        const sent = yield* Peers.command(ann, { _tag: "Broadcast", text: "Hello, world!" })
        assert.deepStrictEqual([...sent.to].sort(), ["mini", "zed"])
        yield* mini.expect("Hello", printed({ event: "message", from: "ann", text: "Hello, world!" }))
        yield* mini.say("say Hello, everybody!")
        for (const node of [ann, zed]) yield* Peers.hears(node, "mini", "Hello, everybody!")

        const large = "0123456789abcde\u00e9".repeat(2 ** 16)
        for (const node of [ann, zed]) {
          const { failed } = yield* Peers.command(node, { _tag: "Send", to: "mini", text: large })
          assert.deepStrictEqual(failed, [])
          yield* mini.expect("1 MiB", printed({ event: "message", from: node.name, text: large }))
        }
        yield* mini.say(`say ${large}`)
        for (const node of [ann, zed]) yield* Peers.hears(node, "mini", large)

        yield* mini.say("leave")
        assert.strictEqual(yield* mini.ended, 0)
        for (const node of [ann, zed]) {
          yield* Peers.tells(node, "Left", "mini")
          assert.deepStrictEqual(told(node), ["Joined", "Left"])
        }
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    patience,
  )

  it.live(
    "is reported as failed when it is killed, comes back under its name, and leaves on SIGTERM",
    () =>
      Effect.gen(function* () {
        const [ann, zed] = yield* startNodes
        const first = yield* startMini(ann.address)
        for (const node of [ann, zed]) yield* listsMini(node)
        assert.strictEqual(yield* first.signal("SIGKILL"), undefined)
        for (const node of [ann, zed]) yield* Peers.tells(node, "Failed", "mini", slow)

        const marks = [ann.mark(), zed.mark()]
        const second = yield* startMini(zed.address)
        for (const [i, node] of [ann, zed].entries()) {
          yield* meets(second, node)
          yield* listsMini(node, { from: marks[i] })
        }
        assert.strictEqual(yield* second.signal("SIGTERM"), 0)
        for (const node of [ann, zed]) yield* Peers.tells(node, "Left", "mini")
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    patience,
  )

  it.live(
    "refutes that it failed when it was only stopped for a while",
    () =>
      Effect.gen(function* () {
        const [ann, zed] = yield* startNodes
        const mini = yield* startMini(ann.address)
        for (const node of [ann, zed]) {
          yield* meets(mini, node)
          yield* listsMini(node)
        }
        process.kill(mini.pid, "SIGSTOP")
        for (const node of [ann, zed]) yield* Peers.tells(node, "Failed", "mini", slow)

        const marks = [ann.mark(), zed.mark()]
        const mark = mini.mark()
        process.kill(mini.pid, "SIGCONT")
        for (const [i, node] of [ann, zed].entries()) {
          yield* meets(mini, node, { from: mark })
          yield* listsMini(node, { from: marks[i] })
        }
        yield* mini.say("say I am still here.")
        for (const node of [ann, zed]) {
          yield* Peers.hears(node, "mini", "I am still here.")
          yield* Peers.tells(node, "Recovered", "mini")
        }
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    patience,
  )

  it.live(
    "copes with another that is killed, leaves, and comes back",
    () =>
      Effect.gen(function* () {
        const [ann, zed] = yield* startNodes
        const mini = yield* startMini(ann.address)
        yield* meets(mini, zed)
        assert.strictEqual(yield* zed.signal("SIGKILL"), undefined)
        yield* mini.expect("zed", printed({ event: "member", name: "zed", status: "failed" }), slow)

        const mark = mini.mark()
        const again = yield* Peers.start("zed", [ann.address])
        yield* meets(mini, again, { from: mark })
        yield* listsMini(again)
        yield* again.hangUp
        yield* mini.expect("zed", printed({ event: "member", name: "zed", status: "left" }))
        assert.deepStrictEqual(told(ann), ["Joined"])
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    patience,
  )
})

// The vectors, read into the form that the codec has.

interface Case {
  readonly description: string
  readonly hex: string
}
const vectors = <A>(file: string): A =>
  JSON.parse(
    NodeFs.readFileSync(NodePath.join(import.meta.dirname, `../../docs/protocol-vectors/${file}.json`), "utf8"),
  )

const hash = (value: bigint) => value.toString(16).padStart(16, "0")

/** Hashes, payloads and statuses as the vectors have them. */
const readable = (value: unknown, key?: string): unknown => {
  if (typeof value === "bigint") return hash(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (Array.isArray(value)) return value.map((item) => readable(item))
  if (key === "status") return Mini.STATUS[Number(value)]
  if (typeof value !== "object" || value === null || key === "metadata") return value
  const pairs = Object.entries(value).filter(([key]) => key !== "magic")
  return Object.fromEntries(pairs.map(([key, item]) => [key, readable(item, key)]))
}
/** The other way. */
const internal = <A>(value: A): A =>
  JSON.parse(JSON.stringify(value), (key, item: unknown) => {
    if (key === "viewHash") return BigInt(`0x${String(item)}`)
    if (key === "payload") return Buffer.from(String(item), "hex")
    return key === "status" ? Mini.STATUS.indexOf(String(item)) : item
  })

/** Byte by byte, which is the worst that a network may do. */
const read = (hex: string): ReadonlyArray<unknown> => {
  const reader = Mini.makeReader(Infinity)
  return [...Buffer.from(hex, "hex")].flatMap((byte) =>
    [...reader.push(Buffer.of(byte))].map((frame) => readable(frame)),
  )
}

describe("the codec of the independent peer", () => {
  it("reads and writes every frame", () => {
    const cases = ["frames", "dialogue"].flatMap(vectors<ReadonlyArray<Case & { readonly frame: Mini.Frame }>>)
    for (const { description, frame, hex } of cases) {
      assert.deepStrictEqual(read(hex), [frame], description)
      const written = Mini.encodeFrame({ ...internal(frame), ...(frame._tag === "Hello" && { magic: "COTERIE" }) })
      assert.strictEqual(Buffer.from(written).toString("hex"), hex, description)
    }
  })

  it("cuts streams and skips what may be skipped", () => {
    for (const { description, frames, hex } of vectors<ReadonlyArray<Case & { readonly frames: unknown }>>("streams")) {
      assert.deepStrictEqual(read(hex), frames, description)
    }
  })

  it("refuses what is wrong, with its code", () => {
    for (const { description, error, hex } of vectors<ReadonlyArray<Case & { readonly error: string }>>("errors")) {
      const refused = Effect.runSync(Effect.flip(Effect.try({ try: () => read(hex), catch: (fault) => fault })))
      assert.instanceOf(refused, Mini.Fault, description)
      assert.strictEqual(refused instanceof Mini.Fault ? refused.code : "", error, description)
    }
  })

  it("computes the hashes", () => {
    interface Hashes {
      readonly memberHash: ReadonlyArray<Mini.Member & { readonly hash: string }>
      readonly bodyHash: ReadonlyArray<{ readonly body: Mini.Body; readonly hash: string }>
      readonly viewHash: ReadonlyArray<{ readonly members: ReadonlyArray<Mini.Member>; readonly hash: string }>
    }
    const hashes = vectors<Hashes>("hashes")
    for (const each of hashes.memberHash) assert.strictEqual(hash(Mini.memberHash(each)), each.hash)
    for (const each of hashes.bodyHash) assert.strictEqual(hash(Mini.bodyHash(each.body)), each.hash)
    for (const each of hashes.viewHash) assert.strictEqual(hash(Mini.viewHash(internal(each.members))), each.hash)
  })

  it("knows the orders, the names and the addresses", () => {
    const ascends = <A>(items: ReadonlyArray<A>, compare: (a: A, b: A) => number) => {
      for (const [i, a] of items.entries()) {
        for (const [j, b] of items.entries()) assert.strictEqual(Math.sign(compare(a, b)), Math.sign(i - j))
      }
    }
    interface Orders {
      readonly names: ReadonlyArray<string>
      readonly records: ReadonlyArray<Mini.PeerRecord>
    }
    const orders = vectors<Orders>("orders")
    ascends(orders.names, Mini.compareNames)
    ascends(internal(orders.records), Mini.compareRecords)

    interface Texts {
      readonly valid: ReadonlyArray<string>
      readonly invalid: ReadonlyArray<string>
    }
    const { addresses, names } = vectors<{ readonly names: Texts; readonly addresses: Texts }>("texts")
    for (const [texts, holds] of [[names, Mini.isName] as const, [addresses, Mini.isAddress] as const]) {
      for (const text of texts.valid) assert.isTrue(holds(text), text)
      for (const text of texts.invalid) assert.isFalse(holds(text), text)
    }
  })
})
