/**
 * Unknown peers that connect and send no complete Hello, in numbers that fill all places of handshakes. A peer can
 * still join.
 */
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Opens a connection from the host and writes the bytes, if there are any. Keeps it open until the scope closes. */
const stranger = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  node: World.Node,
  host: string,
  says: Uint8Array | undefined,
) {
  const transport = Context.get(yield* Layer.build(network.transport(host, 0)), Transport.Transport)
  const connection = yield* transport.connect(RawPeer.addressOf(node.address))
  if (says !== undefined) yield* connection.write([says])
})

/** Opens 1,000 connections per second until the scope closes, from the hosts in turn. */
const flood = (
  network: SimNetwork.Shape,
  node: World.Node,
  hosts: number | string,
  says: Uint8Array | undefined,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let count = 0
    const next = Effect.suspend(() => {
      const host = typeof hosts === "string" ? hosts : `flood-${count++ % hosts}`
      return Effect.forkIn(Effect.ignore(Scope.provide(stranger(network, node, host, says), scope)), scope)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(next, Effect.sleep("1 millis"))))
    // The flood starts first.
    yield* Effect.sleep("1 seconds")
  })

const partialHello = FrameEncoder.encode(RawPeer.hello()).subarray(0, 60)

/** Starts a node that joins, and returns the time until both sides have the link, in milliseconds. */
const timeToJoin = Effect.fnUntraced(function* (world: World.World, a: World.Node, name: string) {
  const start = yield* Clock.currentTimeMillis
  const z = yield* world.node(name, { seeds: [a.address] })
  yield* World.untilPeers(a, [name])
  yield* World.untilPeers(z, ["a"])
  return (yield* Clock.currentTimeMillis) - start
})

describe("a peer joins within two seconds under 1,000 new connections a second that", () => {
  const floods: ReadonlyArray<readonly [string, number | string, Uint8Array | undefined]> = [
    ["send nothing, from 100 hosts", 100, undefined],
    ["send nothing, from 8 hosts", 8, undefined],
    ["send nothing, from the host of the peer", "z", undefined],
    ["send a part of a Hello, from 100 hosts", 100, partialHello],
    ["send a part of a Hello, from the host of the peer", "z", partialHello],
  ]
  for (const [what, hosts, says] of floods) {
    World.simulated(what, (world, network) =>
      Effect.gen(function* () {
        const a = yield* world.node("a")
        yield* flood(network, a, hosts, says)
        assert.isAtMost(yield* timeToJoin(world, a, "z"), 2_000)
      }),
    )
  }
})

World.simulated(
  "a peer joins at once although unknown peers of its host hold all places of the host",
  (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      for (let i = 0; i < 8; i++) yield* stranger(network, a, "z", undefined)
      assert.isAtMost(yield* timeToJoin(world, a, "z"), 100)
    }),
)
