/** A peer that a test controls frame by frame. It can break any rule of the protocol. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Data, Frame, Hello, HelloAck, Ping } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import { MetricReader } from "./MetricReader.ts"
import * as World from "./world.ts"

// ---- frames ----

/** Default generation of raw peers. */
export const generation = 7

export const addressOf = (text: string): Address.Address => Result.getOrThrow(Address.parse(text))

export const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

export interface RecordFields extends Partial<Omit<PeerRecord, "body">> {
  readonly addresses?: ReadonlyArray<Address.Address>
}

/** Returns the record of a raw peer. Its default name is `m`. */
export const record = ({ addresses = [addressOf("nowhere:1")], ...fields }: RecordFields = {}): PeerRecord => ({
  name: "m",
  generation,
  incarnation: 0,
  status: "alive",
  body: { addresses, metadata: {}, versionMin: 1, versionMax: 1, features: [] },
  ...fields,
})

export interface HelloFields extends Partial<Hello> {
  /** Name in the record. */
  readonly name?: string
}

/** Returns the Hello of a raw peer that dials the node `a`. */
export const hello = ({ name = "m", ...fields }: HelloFields = {}): Hello => ({
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "test",
  record: record({ name }),
  instance: 0,
  linkEpoch: 1,
  dialedAddress: addressOf("a:24868"),
  viewHash: 0n,
  window: 100_000,
  linkTimeout: 3_000,
  ...fields,
})

export const heartbeat: Ping = { _tag: "Ping", seq: 0, viewHash: 0n, lag: 0 }

/** Returns a complete message. Its default lane is the inbox. */
export const data = (payload: Uint8Array | string, fields: Partial<Data> = {}): Data => ({
  _tag: "Data",
  lane: 0,
  first: true,
  last: true,
  abort: false,
  payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
  ...fields,
})

/** Returns the code of a HelloReject, and the tag of any other frame. */
export const rejectCodeOf = (frame: Frame | undefined): string | undefined =>
  frame?._tag === "HelloReject" ? frame.code : frame?._tag

/** Returns the code of a Bye, and the tag of any other frame. */
export const byeCodeOf = (frame: Frame | undefined): string | undefined =>
  frame?._tag === "Bye" ? frame.code : frame?._tag

/** Returns the codes of all Bye frames. */
export const byeCodesOf = (frames: ReadonlyArray<Frame>): ReadonlyArray<string> =>
  frames.flatMap((frame) => (frame._tag === "Bye" ? [frame.code] : []))

// ---- the peer ----

type Sending = Effect.Effect<void, Transport.TransportError>

/** One end of a connection to a node. */
export class RawPeer {
  private readonly connection: Transport.Connection
  private readonly decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 })
  private readonly received: Array<Frame> = []

  constructor(connection: Transport.Connection) {
    this.connection = connection
  }

  write(chunk: Uint8Array): Sending {
    return this.connection.write([chunk])
  }

  /** Writes the frames one by one. */
  send(...frames: ReadonlyArray<Frame>): Sending {
    return Effect.forEach(frames, (frame) => this.write(FrameEncoder.encode(frame)), { discard: true })
  }

  /** Ends this side of the connection. The node can still write. */
  get end(): Effect.Effect<void> {
    return this.connection.end
  }

  /** Receives the next frame, or `undefined` when the node has closed the connection. */
  readonly receive: Effect.Effect<Frame | undefined> = Effect.suspend(() => {
    const frame = this.received.shift()
    if (frame !== undefined) return Effect.succeed(frame)
    return Effect.matchCauseEffect(this.connection.pull, {
      onSuccess: (chunks) => {
        for (const chunk of chunks) this.decoder.feed(chunk, this.received)
        return this.receive
      },
      onFailure: () => Effect.succeed(undefined),
    })
  })

  /** Receives the next frame of this kind and discards the frames before it. Dies if the node closes the connection. */
  receiveFrame<Tag extends Frame["_tag"]>(tag: Tag): Effect.Effect<Extract<Frame, { readonly _tag: Tag }>> {
    return Effect.flatMap(this.receive, (frame) => {
      if (frame === undefined) return Effect.die(`the node closed the connection before it sent ${tag}`)
      return frame._tag === tag ? Effect.succeed(frame as never) : this.receiveFrame(tag)
    })
  }

  /** Receives the text of the next message and discards the frames before it. */
  get receiveText(): Effect.Effect<string> {
    return Effect.map(this.receiveFrame("Data"), ({ payload }) => new TextDecoder().decode(payload))
  }

  /** Receives all frames until the node closes the connection. */
  get receiveAll(): Effect.Effect<ReadonlyArray<Frame>> {
    return this.receiveRest([])
  }

  private receiveRest(all: Array<Frame>): Effect.Effect<ReadonlyArray<Frame>> {
    return Effect.flatMap(this.receive, (frame) => {
      if (frame === undefined) return Effect.succeed(all)
      all.push(frame)
      return this.receiveRest(all)
    })
  }

  /** Completes the handshake of a connection that this peer dialed. Returns the node's HelloAck. */
  completeHandshake(fields?: HelloFields): Effect.Effect<HelloAck, Transport.TransportError> {
    return Effect.gen({ self: this }, function* () {
      yield* this.send(hello(fields))
      const ack = yield* this.receive
      if (ack?._tag !== "HelloAck") return assert.fail(`the node answered Hello with ${rejectCodeOf(ack)}`)
      yield* this.send({ _tag: "Ready", incarnation: 0, viewHash: 0n })
      assert.strictEqual((yield* this.receive)?._tag, "Ready")
      return ack
    })
  }

  /** Completes the handshake of a connection that the node dialed. Runs `beforeReady` before it sends Ready. */
  answerHandshake({
    beforeReady = Effect.void,
    ...fields
  }: RecordFields & { readonly beforeReady?: Effect.Effect<void> } = {}): Sending {
    return Effect.gen({ self: this }, function* () {
      yield* this.receive
      yield* this.send({
        _tag: "HelloAck",
        version: 1,
        record: record(fields),
        instance: 0,
        viewHash: 0n,
        window: 100_000,
        linkTimeout: 3_000,
        observedHost: "a",
      })
      yield* this.receive
      yield* beforeReady
      yield* this.send({ _tag: "Ready", incarnation: 0, viewHash: 0n })
    })
  }

  /** Sends heartbeats in the background, so that the node does not end the link as silent. */
  get keepAlive(): Effect.Effect<Fiber.Fiber<void>, never, Scope.Scope> {
    const beat = Effect.andThen(this.send(heartbeat), Effect.sleep("100 millis"))
    return Effect.forkScoped(Effect.ignore(Effect.forever(beat)))
  }

  /** Leaves like a node, so that the node under test need not detect a failure. */
  leave(of: number = generation): Sending {
    const leaving = this.send({ _tag: "Leave", generation: of }, { _tag: "Bye", code: "left", message: "" })
    return Effect.asVoid(Effect.andThen(leaving, this.receiveAll))
  }
}

// ---- connections ----

const transportAt = (network: SimNetwork.Shape, host: string, port?: number) =>
  Effect.map(Layer.build(network.transport(host, port)), (context) => Context.get(context, Transport.Transport))

const dial = (transport: Transport.Transport["Service"], node: World.Node) =>
  Effect.map(transport.connect(addressOf(node.address)), (connection) => new RawPeer(connection))

/** Connects to a node from the host `stranger`. */
export const connect = (network: SimNetwork.Shape, node: World.Node) =>
  Effect.flatMap(transportAt(network, "stranger", 0), (transport) => dial(transport, node))

/** Listens at a host and passes each connection to the handler. Returns the address. */
export const listen = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  host: string,
  handler: (peer: RawPeer) => Sending,
) {
  const transport = yield* transportAt(network, host)
  const listener = yield* transport.listen
  yield* Effect.forkScoped(listener.run((connection) => Effect.ignore(handler(new RawPeer(connection)))))
  return listener.addresses[0]
})

// ---- scenarios ----

export interface Stage {
  readonly world: World.World
  /** The node that raw peers connect to. */
  readonly a: World.Node
  /** Returns a metric of this node: the sum of all series with these labels. */
  readonly metric: (id: string, labels?: Readonly<Record<string, string>>) => number
  /** Opens a connection to this node. */
  readonly connect: Effect.Effect<RawPeer, Transport.TransportError, Scope.Scope>
}

/**
 * Defines a test in which raw peers connect to a node. After the body the node must accept another node, exchange a
 * message with it, and have no other member: raw peers leave, or the body waits until they are evicted.
 */
export const scenario = (
  title: string,
  body: (stage: Stage) => Effect.Effect<void, unknown, Scope.Scope>,
  options?: Parameters<World.World["node"]>[1],
  overrides?: Parameters<World.World["node"]>[3],
): void =>
  World.simulated(title, (world, network) => {
    const registry: Metric.MetricRegistry = new Map()
    const metrics = new MetricReader(registry)
    return Effect.gen(function* () {
      const a = yield* world.node("a", options, undefined, overrides)
      const transport = yield* transportAt(network, "stranger", 0)
      const metric: Stage["metric"] = (id, labels) => metrics.sum("a", id, labels)
      yield* body({ world, a, metric, connect: dial(transport, a) })
      const z = yield* world.node("z", { seeds: [a.address] })
      yield* World.until(a, ({ peers }) => peers.get("z")?.link === "up")
      yield* a.cluster.send("z", "fine")
      assert.strictEqual((yield* World.messages(z, 1))[0]?.text, "fine")
      yield* World.untilPeers(a, ["z"])
    }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
  })
