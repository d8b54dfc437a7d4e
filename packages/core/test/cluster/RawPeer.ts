/**
 * A peer made by hand, frame by frame, that may do what no node does.
 */
import * as Address from "@coterie/core/Address"
import type { Frame, Hello } from "../../src/protocol/Frame.ts"
import * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as World from "./world.ts"

export interface Stage {
  readonly world: World.World
  /** The node under attack. */
  readonly a: World.Node
  /** What the node's metric says: the sum of all that have these labels. */
  readonly metric: (id: string, labels?: Readonly<Record<string, string>>) => number
  /** Opens a connection to it. */
  readonly connect: Effect.Effect<RawPeer, Transport.TransportError, Scope.Scope>
}

export interface RawPeer {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Transport.TransportError>
  readonly say: (frame: Frame) => Effect.Effect<void, Transport.TransportError>
  /** Says that nothing more will come. */
  readonly end: Effect.Effect<void>
  /** The next frame, or `undefined` when the node has closed the connection. */
  readonly hear: Effect.Effect<Frame | undefined>
  /** The next frame of this kind; those before it are passed over. Fails if the node closes the connection. */
  readonly hearOf: <Tag extends Frame["_tag"]>(tag: Tag) => Effect.Effect<Extract<Frame, { readonly _tag: Tag }>>
  /** All frames until the node closes the connection. */
  readonly hearAll: Effect.Effect<ReadonlyArray<Frame>>
}

/** A test in which a node is attacked. */
export const attack = (
  title: string,
  body: (stage: Stage) => Effect.Effect<void, unknown, Scope.Scope>,
  options?: Parameters<World.World["node"]>[1],
  parts?: Parameters<World.World["node"]>[3],
): void =>
  World.simulated(title, (world, network) => {
    const registry: Metric.MetricRegistry = new Map()
    const metric: Stage["metric"] = (id, labels = {}) =>
      Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).reduce((sum, each) => {
        const matches =
          each.id === id &&
          each.attributes?.["node"] === "a" &&
          Object.entries(labels).every(([key, value]) => each.attributes?.[key] === value)
        if (!matches) return sum
        return sum + Number(each.type === "Counter" ? each.state.count : each.type === "Gauge" ? each.state.value : 0)
      }, 0)
    return Effect.gen(function* () {
      const a = yield* world.node("a", options, undefined, parts)
      const context = yield* Layer.build(network.transport("stranger", 0))
      const transport = Context.get(context, Transport.Transport)
      const connect = Effect.map(
        Effect.flatMap(Effect.fromResult(Address.parse(a.address)).pipe(Effect.orDie), transport.connect),
        make,
      )
      yield* body({ world, a, metric, connect })
      // Whatever happened, the node still does what it is for, and its view holds nobody who is not there.
      const z = yield* world.node("z", { seeds: [a.address] })
      yield* World.until(a, ({ peers }) => peers.get("z")?.link === "up")
      yield* a.cluster.send("z", "fine")
      assert.strictEqual((yield* World.messages(z, 1))[0]?.text, "fine")
      yield* World.untilPeers(a, ["z"])
    }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
  })

export const make = (connection: Transport.Connection): RawPeer => {
  const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 })
  const frames: Array<Frame> = []
  const hear: RawPeer["hear"] = Effect.suspend(() => {
    const frame = frames.shift()
    if (frame !== undefined) return Effect.succeed(frame)
    return Effect.matchCauseEffect(connection.pull, {
      onSuccess: (chunks) => {
        for (const chunk of chunks) decoder.feed(chunk, frames)
        return hear
      },
      onFailure: () => Effect.succeed(undefined),
    })
  })
  const hearOf: RawPeer["hearOf"] = (tag) =>
    Effect.flatMap(hear, (frame) => {
      if (frame === undefined) return Effect.die(`the connection was closed before ${tag}`)
      return frame._tag === tag ? Effect.succeed(frame as never) : hearOf(tag)
    })
  return {
    write: (bytes) => connection.write([bytes]),
    say: (frame) => connection.write([FrameEncoder.encode(frame)]),
    end: connection.end,
    hear,
    hearOf,
    hearAll: Effect.gen(function* () {
      const all: Array<Frame> = []
      while (true) {
        const frame = yield* hear
        if (frame === undefined) return all
        all.push(frame)
      }
    }),
  }
}

export const addressOf = (text: string) => Result.getOrThrow(Address.parse(text))

export const hello = (changes?: Partial<Hello>, name = "m"): Hello => ({
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "test",
  record: {
    name,
    generation: 7,
    incarnation: 0,
    status: "alive",
    body: { addresses: [addressOf("nowhere:1")], metadata: {}, versionMin: 1, versionMax: 1, features: [] },
  },
  linkEpoch: 1,
  dialedAddress: addressOf("a:7946"),
  viewHash: 0n,
  window: 100_000,
  ...changes,
})

/** Completes a handshake by hand. */
export const enter = Effect.fnUntraced(function* (stranger: RawPeer, name = "m", changes?: Partial<Hello>) {
  yield* stranger.say(hello(changes, name))
  const ack = yield* stranger.hear
  assert.strictEqual(ack?._tag, "HelloAck")
  yield* stranger.say({ _tag: "Ready", incarnation: 0, viewHash: 0n })
  const ready = yield* stranger.hear
  assert.strictEqual(ready?._tag, "Ready")
  return ack
})

/** Leaves in good order, so that the node does not have to find out. */
export const exit = Effect.fnUntraced(function* (stranger: RawPeer) {
  yield* stranger.say({ _tag: "Leave", generation: 7 })
  yield* stranger.say({ _tag: "Bye", code: "left", message: "" })
  yield* stranger.hearAll
})

export const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
