/**
 * Peer that was written from docs/protocol.md alone, in clusters with real nodes.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as NodeFs from "node:fs"
import * as Net from "node:net"
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

/** Picks a line of the independent peer that has the given fields. */
const printed =
  (wanted: Readonly<Record<string, unknown>>): Child.Pick<Readonly<Record<string, unknown>>> =>
  (line) => {
    const output: Readonly<Record<string, unknown>> = JSON.parse(line)
    return Object.entries(wanted).every(([key, value]) => output[key] === value) ? output : undefined
  }

/** Waits until the independent peer has a link to a node. */
const meets = (mini: Child.Child, { name }: Peers.Peer, options?: Child.Wait) =>
  mini.expect(`a link to ${name}`, printed({ event: "up", peer: name }), options)

/** Waits until a node lists the independent peer with a link. */
const listsMini = (node: Peers.Peer, options?: Child.Wait) =>
  node.expect(
    "that it lists mini",
    Peers.report("View", ({ peers }) => peers.some(({ link, name }) => name === "mini" && link === "up")),
    options,
  )

/** Returns the events that a node has reported about the independent peer since a mark. */
const eventsOf = (node: Peers.Peer, mark: number) =>
  node
    .since(
      mark,
      Peers.report("Event", ({ peer }) => peer === "mini"),
    )
    .map(({ event }) => event)

/**
 * Starts two nodes, with a name before and a name after "mini". The independent peer answers heartbeats and waits for
 * digests on the link to one of them, and does not on the link to the other.
 */
const startNodes = Effect.gen(function* () {
  const ann = yield* Peers.start("ann", [])
  const zed = yield* Peers.start("zed", [ann.address])
  yield* Peers.lists(ann, [zed])
  return [ann, zed] as const
})

/** Starts a node in this process. */
const startNode = Effect.fnUntraced(function* (name: string) {
  const layer = Cluster.layer({ cluster: "demo", name }).pipe(
    Layer.provide([NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 }), Logger.layer([])]),
  )
  const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
  return { cluster, address: (yield* cluster.self).addresses[0] ?? "" }
})

/** Waits until a node has a link to the independent peer. */
const untilMini = (cluster: Cluster.Cluster["Service"]) =>
  cluster.views.pipe(
    Stream.filter(({ peers }) => peers.get("mini")?.link === "up"),
    Stream.take(1),
    Stream.runDrain,
  )

const testTimeout = 120_000
const slow = { within: "40 seconds" } as const

/** The two nodes, each with the mark of its reports at which a step begins. */
type Nodes = ReadonlyArray<{ readonly node: Peers.Peer; readonly from: number }>

const marked = (nodes: ReadonlyArray<Peers.Peer>): Nodes => nodes.map((node) => ({ node, from: node.mark() }))

/** Starts the independent peer, and waits until it and the nodes list each other. */
const enter = Effect.fn("the independent peer enters")(function* (seed: Peers.Peer, nodes: Nodes) {
  const mini = yield* startMini(seed.address)
  for (const { from, node } of nodes) {
    yield* meets(mini, node)
    yield* listsMini(node, { from })
  }
  return mini
})

const awaitAtAll = (nodes: Nodes, event: string, options?: Child.Wait) =>
  Effect.forEach(nodes, ({ from, node }) => Peers.awaitEvent(node, event, "mini", { from, ...options }))

const converse = Effect.fn("it receives and sends messages of any size, and leaves")(function* (
  ann: Peers.Peer,
  zed: Peers.Peer,
) {
  const nodes = marked([ann, zed])
  const mini = yield* enter(ann, nodes)
  for (const { name } of [ann, zed]) yield* mini.expect(name, printed({ event: "member", name, status: "alive" }))

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
  yield* awaitAtAll(nodes, "Left")
  for (const { from, node } of nodes) assert.deepStrictEqual(eventsOf(node, from), ["Joined", "Left"])
}, Effect.scoped)

const refute = Effect.fn("it refutes its failure after it was stopped for a while, and leaves on SIGTERM")(function* (
  ann: Peers.Peer,
  zed: Peers.Peer,
) {
  const nodes = marked([ann, zed])
  const mini = yield* enter(ann, nodes)
  process.kill(mini.pid, "SIGSTOP")
  yield* awaitAtAll(nodes, "Failed", slow)

  const again = marked([ann, zed])
  const from = mini.mark()
  process.kill(mini.pid, "SIGCONT")
  for (const each of again) {
    yield* meets(mini, each.node, { from })
    yield* listsMini(each.node, { from: each.from })
  }
  yield* mini.say("say I am still here.")
  for (const node of [ann, zed]) yield* Peers.hears(node, "mini", "I am still here.")
  yield* awaitAtAll(again, "Recovered")
  assert.strictEqual(yield* mini.signal("SIGTERM"), 0)
  yield* awaitAtAll(again, "Left")
}, Effect.scoped)

const comeBack = Effect.fn("it is reported as failed when it is killed, and comes back under its name")(function* (
  ann: Peers.Peer,
  zed: Peers.Peer,
) {
  const nodes = marked([ann, zed])
  const first = yield* enter(ann, nodes)
  assert.strictEqual(yield* first.signal("SIGKILL"), undefined)
  yield* awaitAtAll(nodes, "Failed", slow)

  const again = marked([ann, zed])
  const second = yield* enter(zed, again)
  assert.strictEqual(yield* second.signal("SIGTERM"), 0)
  yield* awaitAtAll(again, "Left")
}, Effect.scoped)

const follow = Effect.fn("it handles a peer that is killed, leaves, and returns")(function* (
  ann: Peers.Peer,
  zed: Peers.Peer,
) {
  const from = ann.mark()
  const mini = yield* enter(ann, marked([ann, zed]))
  assert.strictEqual(yield* zed.signal("SIGKILL"), undefined)
  yield* mini.expect("zed", printed({ event: "member", name: "zed", status: "failed" }), slow)

  const mark = mini.mark()
  const again = yield* Peers.start("zed", [ann.address])
  yield* meets(mini, again, { from: mark })
  yield* listsMini(again)
  yield* again.hangUp
  yield* mini.expect("zed", printed({ event: "member", name: "zed", status: "left" }))
  assert.deepStrictEqual(eventsOf(ann, from), ["Joined"])
}, Effect.scoped)

describe("an independent peer", () => {
  it.live(
    "is a member like any other: it converses, refutes its failure, comes back, and follows what happens to others",
    () =>
      Effect.gen(function* () {
        const [ann, zed] = yield* startNodes
        yield* converse(ann, zed)
        yield* refute(ann, zed)
        yield* comeBack(ann, zed)
        yield* follow(ann, zed)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    2 * testTimeout,
  )
})

describe.concurrent("an independent peer and a node", () => {
  it.live(
    "agree on the messages that were taken",
    () =>
      Effect.gen(function* () {
        const { address, cluster } = yield* startNode("ann")
        const mini = yield* startMini(address)
        yield* untilMini(cluster)
        for (const text of ["first", "", "0123456789".repeat(50_000), "last"]) {
          yield* cluster.send("mini", text, { confirm: true })
          // The peer prints the messages that it takes.
          yield* mini.expect("the message", printed({ event: "message", from: "ann", text }))
        }
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )

  it.live(
    "agree on the topics that are read",
    () =>
      Effect.gen(function* () {
        const { address, cluster } = yield* startNode("ann")
        const orders = yield* cluster.lane("orders")
        const heard: Array<string> = []
        const reading = orders.read().pipe(
          Stream.filter(({ _tag }) => _tag !== "SessionStarted"),
          Stream.runForEach((item) => Effect.sync(() => heard.push(item._tag === "Message" ? item.text : "over"))),
          Effect.forkScoped,
        )
        let reader = yield* reading
        const mini = yield* startMini(address)
        yield* mini.expect("that orders are read", printed({ event: "open", peer: "ann", lane: "orders" }))
        yield* untilMini(cluster)
        const large = "0123456789abcdef".repeat(2 ** 16)
        yield* mini.say("publish others unheard")
        yield* mini.say(`publish orders ${large}`)
        yield* mini.say("publish orders one")
        yield* mini.say("say Done.")
        const [done] = yield* Stream.runCollect(Stream.take(cluster.inbox, 1))
        assert.strictEqual(done?.text, "Done.")
        yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => heard.length >= 2 })
        assert.deepStrictEqual(heard, [large, "one"])
        // The independent peer reads no topic.
        assert.deepStrictEqual(yield* orders.publish("nobody"), { sent: [], failed: [] })

        for (const text of ["two", "three"]) {
          const mark = mini.mark()
          yield* Fiber.interrupt(reader)
          yield* mini.expect("that they are not", printed({ event: "closed", lane: "orders" }), { from: mark })
          reader = yield* reading
          yield* mini.expect("that they are", printed({ event: "open", lane: "orders" }), { from: mark })
          yield* mini.say(`publish orders ${text}`)
          yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => heard.at(-1) === text })
        }
        yield* cluster.send("mini", "bye", { confirm: true })
        assert.deepStrictEqual(mini.since(0, printed({ event: "down" })), [])
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})

// Handmade peers that send any frames on a link and collect the frames that they receive.

const handmade = (name: string, ...addresses: ReadonlyArray<string>): Mini.PeerRecord => ({
  name,
  generation: Date.now(),
  incarnation: 0,
  status: Mini.ALIVE,
  body: { addresses, metadata: {}, versionMin: 1, versionMax: 1, features: [] },
})

/** Frames to send on a link, and the frame to wait for. */
interface Talk {
  readonly says: ReadonlyArray<Mini.Frame>
  readonly until: (heard: Mini.Frame) => boolean
}

/**
 * Completes the handshake on either side of a connection and sends the frames. Returns the frames received after it.
 */
const talk = (socket: Net.Socket, self: Mini.PeerRecord, { says, until }: Talk, hello?: object) =>
  Effect.callback<ReadonlyArray<Mini.Frame>>((resume) => {
    const heard: Array<Mini.Frame> = []
    const say = (_tag: string, fields: object) => socket.write(Mini.encodeFrame({ _tag, ...fields }))
    const greeting = { record: self, instance: 0, viewHash: 0n, window: 2 ** 18, linkTimeout: 3_000 }
    const ready = () => say("Ready", { incarnation: 0, viewHash: 0n })
    const hear = (frame: Mini.Frame): void => {
      if (frame._tag === "Hello") say("HelloAck", { version: 1, observedHost: "", ...greeting })
      else if (frame._tag === "HelloAck") ready()
      else if (frame._tag === "Ready") {
        if (hello === undefined) ready()
        for (const frame of [openLanes(0), ...says]) socket.write(Mini.encodeFrame(frame))
      } else {
        heard.push(frame)
        if (until(frame)) resume(Effect.succeed(heard))
      }
    }
    const reader = Mini.makeReader(Infinity)
    socket.on("data", (chunk) => [...reader.push(chunk)].forEach(hear))
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(heard)))
    if (hello !== undefined) {
      const versions = { versionMin: 1, versionMax: 1 }
      say("Hello", { magic: "COTERIE", ...versions, label: "demo", linkEpoch: 1, ...greeting, ...hello })
    }
  }).pipe(Effect.timeout("10 seconds"), Effect.ensuring(Effect.sync(() => socket.destroy())))

/** Dials an address and sends the frames. */
const dial = (address: string, name: string, what: Talk) =>
  Effect.suspend(() => {
    const socket = Net.connect(Number(address.split(":").at(-1)), "127.0.0.1")
    return talk(socket, handmade(name), what, { dialedAddress: address })
  })

/** Listens for one connection. */
const listen = Effect.fnUntraced(function* (name: string) {
  const server = Net.createServer()
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const bound = server.address()
      resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
    })
  })
  const address = `127.0.0.1:${port}`
  const self = handmade(name, address)
  const first = Deferred.makeUnsafe<Net.Socket>()
  // Further connections are closed.
  server.on("connection", (socket) => void (Deferred.doneUnsafe(first, Effect.succeed(socket)) || socket.destroy()))
  const talks = (what: Talk) => Effect.flatMap(Deferred.await(first), (socket) => talk(socket, self, what))
  return { address, self, talks }
})

const openLanes = (count: number, from = 1): Mini.Frame => ({
  _tag: "LaneOpen",
  lanes: Array.from({ length: count }, (_, i) => ({ lane: from + i, name: `lane ${from + i}`, window: 1024 })),
  last: true,
})
const data = (fields: object = {}): Mini.Frame => ({
  _tag: "Data",
  ...{ lane: 0, first: true, last: true, abort: false, payload: Buffer.from("hi"), ...fields },
})
const begun = (fields: object = {}) => data({ last: false, total: 1000, payload: Buffer.alloc(448), ...fields })
const abort = data({ first: false, last: false, abort: true, payload: Buffer.alloc(0) })
const laneClose: Mini.Frame = { _tag: "LaneClose", lane: 1 }
const many = [0, 1, 2, 3].map((i) => openLanes(1024, 1 + i * 1024))
const orders = { lane: 1, name: "orders", window: 1024 }

/** Frames that chapter 10 forbids, with the code of the Bye. */
const violations: ReadonlyArray<readonly [what: string, code: string, ...frames: ReadonlyArray<Mini.Frame>]> = [
  ["Data on a lane that is not open", "laneUnknown", data({ lane: 7 })],
  ["Credit for a lane that is not open", "laneUnknown", { _tag: "Credit", lane: 1, bytes: 1 }],
  ["credit that was not spent", "malformed", { _tag: "Credit", lane: 0, bytes: 1 }],
  ["Taken for a lane that is not open", "laneUnknown", { _tag: "Taken", lane: 1, id: 1 }],
  ["Taken of a message that was not sent", "malformed", { _tag: "Taken", lane: 0, id: 1 }],
  ["LaneOpen of a lane number that is open", "malformed", openLanes(1), { ...openLanes(0), lanes: [orders] }],
  ["LaneOpen of one name twice", "malformed", { ...openLanes(0), lanes: [orders, { ...orders, lane: 2 }] }],
  ["LaneOpen of too many lanes", "oversize", ...many, openLanes(1, 5000)],
  ["LaneClose of a lane that is not open", "laneUnknown", laneClose],
  ["LaneClose twice", "laneUnknown", openLanes(1), laneClose, laneClose],
  ["LaneClosed of a lane that is not closing", "laneUnknown", { _tag: "LaneClosed", lane: 1 }],
  ["a confirm number that skips one", "malformed", data({ confirm: 2 })],
  ["a confirm number used twice", "malformed", data({ confirm: 1 }), data({ confirm: 1 })],
  ["the confirm number of an aborted message", "malformed", begun({ confirm: 1 }), abort, data({ confirm: 1 })],
  ["an abort without a message", "malformed", abort],
  ["a message within another", "malformed", begun(), data()],
  ["a fragment without a first", "malformed", data({ first: false })],
  ["a small fragment", "malformed", begun({ payload: Buffer.alloc(447) })],
]

/** Frames that chapter 10 allows. */
const allowed: Talk = {
  says: [
    ...many,
    laneClose,
    openLanes(1),
    data({ confirm: 1, trace: Buffer.alloc(25) }),
    begun({ confirm: 2, trace: Buffer.alloc(25, 255) }),
    abort,
    data({ confirm: 3 }),
  ],
  until: ({ _tag, id }) => _tag === "Bye" || (_tag === "Taken" && id === 3),
}
const isBye = ({ _tag }: Mini.Frame) => _tag === "Bye"

describe.concurrent("the rules of the lanes", () => {
  const verify = (heard: ReadonlyArray<Mini.Frame>, what: string, code?: string) => {
    assert.deepStrictEqual(heard[0], openLanes(0), what)
    assert.deepStrictEqual(
      heard.filter(isBye).map(({ code }) => code),
      code === undefined ? [] : [code],
      what,
    )
  }
  const verifyAllowed = (heard: ReadonlyArray<Mini.Frame>) => {
    verify(heard, "allowed frames")
    assert.deepInclude(heard, { _tag: "LaneClosed", lane: 1 })
  }

  it.live(
    "are kept by a node",
    () =>
      Effect.gen(function* () {
        const { address, cluster } = yield* startNode("node")
        yield* Effect.forkScoped(Stream.runDrain(cluster.inbox))
        for (const [i, [what, code, ...says]] of violations.entries()) {
          verify(yield* dial(address, `x${i}`, { says, until: isBye }), what, code)
        }
        verifyAllowed(yield* dial(address, "x", allowed))
      }).pipe(Effect.scoped),
    testTimeout,
  )

  it.live(
    "are kept by the independent peer",
    () =>
      Effect.gen(function* () {
        const bad = yield* Effect.forEach(violations, ([what, code, ...says], i) =>
          Effect.map(listen(`x${i}`), (peer) => ({ ...peer, what, code, says })),
        )
        const good = yield* listen("x")
        // The seed sends the records of all others to the independent peer.
        const seed = yield* listen("y")
        const records = [good, ...bad].map(({ self }) => self)
        yield* startMini(seed.address)
        yield* Effect.forkScoped(seed.talks({ says: [{ _tag: "Update", records }], until: () => false }))
        const checks = bad.map(({ code, says, talks, what }) =>
          Effect.map(talks({ says, until: isBye }), (heard) => verify(heard, what, code)),
        )
        yield* Effect.all([Effect.map(good.talks(allowed), verifyAllowed), ...checks], { concurrency: "unbounded" })
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})

describe.concurrent("two bodies of one key", () => {
  it.live(
    "are settled by the owner, to which the independent peer sends the body that it held",
    () =>
      Effect.gen(function* () {
        const owner = yield* listen("x")
        yield* startMini(owner.address)
        const other = { ...owner.self, body: { ...owner.self.body, metadata: { another: "body" } } }
        const heard = yield* owner.talks({
          says: [{ _tag: "Update", records: [other] }],
          until: ({ _tag }) => _tag === "Update",
        })
        assert.deepInclude(heard, { _tag: "Update", records: [owner.self] })
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})

// The vectors in the form of the codec.

interface Case {
  readonly description: string
  readonly hex: string
}
const vectors = <A>(file: string): A =>
  JSON.parse(
    NodeFs.readFileSync(NodePath.join(import.meta.dirname, `../../docs/protocol-vectors/${file}.json`), "utf8"),
  )

const hash = (value: bigint) => value.toString(16).padStart(16, "0")

/** Converts hashes, payloads and statuses to the form of the vectors. */
const readable = (value: unknown, key?: string): unknown => {
  if (typeof value === "bigint") return hash(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (Array.isArray(value)) return value.map((item) => readable(item))
  if (key === "status") return Mini.STATUS[Number(value)]
  if (typeof value !== "object" || value === null || key === "metadata") return value
  const pairs = Object.entries(value).filter(([key]) => key !== "magic")
  return Object.fromEntries(pairs.map(([key, item]) => [key, readable(item, key)]))
}
/** Converts hashes, payloads and statuses to the form of the codec. */
const internal = <A>(value: A): A =>
  JSON.parse(JSON.stringify(value), (key, item: unknown) => {
    if (key === "viewHash") return BigInt(`0x${String(item)}`)
    if (key === "payload" || key === "trace") return Buffer.from(String(item), "hex")
    return key === "status" ? Mini.STATUS.indexOf(String(item)) : item
  })

/** Reads the frames byte by byte, which is the worst that a network can do. */
const read = (hex: string): ReadonlyArray<unknown> => {
  const reader = Mini.makeReader(Infinity)
  return [...Buffer.from(hex, "hex")].flatMap((byte) =>
    [...reader.push(Buffer.of(byte))].map((frame) => readable(frame)),
  )
}

describe("the codec of the independent peer", () => {
  it("decodes and encodes every frame", () => {
    const cases = ["frames", "dialogue"].flatMap(vectors<ReadonlyArray<Case & { readonly frame: Mini.Frame }>>)
    for (const { description, frame, hex } of cases) {
      assert.deepStrictEqual(read(hex), [frame], description)
      const written = Mini.encodeFrame({ ...internal(frame), ...(frame._tag === "Hello" && { magic: "COTERIE" }) })
      assert.strictEqual(Buffer.from(written).toString("hex"), hex, description)
    }
  })

  it("splits streams into frames and skips unknown optional parts", () => {
    for (const { description, frames, hex } of vectors<ReadonlyArray<Case & { readonly frames: unknown }>>("streams")) {
      assert.deepStrictEqual(read(hex), frames, description)
    }
  })

  it("rejects invalid frames with the code of the vector", () => {
    for (const { description, error, hex } of vectors<ReadonlyArray<Case & { readonly error: string }>>("errors")) {
      const refused = Effect.runSync(Effect.flip(Effect.try({ try: () => read(hex), catch: (error) => error })))
      assert.instanceOf(refused, Mini.ProtocolViolation, description)
      assert.strictEqual(refused instanceof Mini.ProtocolViolation ? refused.code : "", error, description)
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

  it("implements the orders, and validates names and addresses", () => {
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
