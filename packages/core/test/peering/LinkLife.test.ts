import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Established } from "../../src/link/Handshake.ts"
import { HandshakeFailed } from "../../src/link/Handshake.ts"
import type { Link } from "../../src/link/Link.ts"
import { LinkLife, type Shake } from "../../src/peering/LinkLife.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import { makeConnection, settle } from "../link/support.ts"
import { record } from "./fakeLink.ts"
import { makeContext } from "./linkContext.ts"

const established = (epoch: number, instance = 0): Established => ({
  peer: record(1),
  rank: { instance, instances: [instance, 0], epoch, byLower: true },
  peerWindow: 8_192,
  peerLinkTimeout: 3_000,
  viewHash: 0n,
  youAre: undefined,
  observedHost: undefined,
})

/** Returns a handshake that commits and then ends with this result. */
const shakeThen =
  (end: ReturnType<Shake>, epoch = 1, instance = 0): Shake =>
  ({ commit }) => {
    const { peer, rank } = established(epoch, instance)
    commit(peer, rank)
    return end
  }

const completed = (epoch = 1, instance = 0): Shake =>
  shakeThen(Effect.succeed(established(epoch, instance)), epoch, instance)

const failed = new HandshakeFailed({ reason: "lost", message: "" })

type World = Effect.Success<ReturnType<typeof makeContext>>

/** Runs the life of one connection. */
const start = Effect.fnUntraced(function* (world: World, shake: Shake) {
  const peer = yield* makeConnection
  const ups: Array<Link> = []
  const life = new LinkLife(world.context, peer.connection, undefined)
  const fiber = yield* Effect.forkChild(life.run(shake, (link) => ups.push(link)))
  yield* settle
  return { fiber, peer, ups }
})

describe("the life of a connection", () => {
  it.effect("reports the link to the membership once as up, and once as down", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const { fiber, peer, ups } = yield* start(world, completed())
      assert.deepStrictEqual(world.linkEvents(), ["LinkUp"])
      assert.strictEqual(ups.length, 1)
      assert.strictEqual(world.connections.open("peer"), ups[0])
      yield* peer.ends
      yield* settle
      yield* TestClock.adjust(3_000)
      yield* Fiber.join(fiber)
      yield* settle
      assert.deepStrictEqual(world.linkEvents(), ["LinkUp", "LinkDown"])
      assert.deepStrictEqual(world.connections.all(), [])
    }),
  )

  it.effect("releases everything if it is interrupted while the link is up", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const { fiber } = yield* start(world, completed())
      const [connection] = world.connections.all()
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.deepStrictEqual(world.linkEvents(), ["LinkUp", "LinkDown"])
      assert.deepStrictEqual(world.connections.all(), [])
      assert.isUndefined(world.connections.current("peer"))
      assert.strictEqual(world.connections.size(), 0)
      assert.isTrue(connection !== undefined && Deferred.isDoneUnsafe(connection.done))
    }),
  )

  it.effect("releases everything if the handshake does not end after the commit", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const { fiber, ups } = yield* start(world, shakeThen(Effect.never))
      const [connection] = world.connections.all()
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.deepStrictEqual(ups, [])
      assert.notInclude(world.linkEvents(), "LinkUp")
      assert.deepStrictEqual(world.connections.all(), [])
      assert.strictEqual(world.connections.size(), 0)
      assert.isTrue(connection !== undefined && Deferred.isDoneUnsafe(connection.settled))
    }),
  )

  it.effect("is unknown to the membership and to the table if the handshake fails before the commit", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const { fiber } = yield* start(world, () => Effect.fail(failed))
      assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), failed)
      assert.deepStrictEqual(world.linkEvents(), [])
      assert.deepStrictEqual(world.connections.all(), [])
    }),
  )

  it.effect("reports nothing to the membership when a second connection takes over from the first", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const first = yield* start(world, completed(1))
      const second = yield* start(world, completed(2))
      yield* first.peer.ends
      yield* settle
      yield* TestClock.adjust(2_000)
      yield* settle
      assert.isDefined(first.fiber.pollUnsafe())
      assert.deepStrictEqual(world.linkEvents(), ["LinkUp"])
      assert.strictEqual(world.connections.open("peer"), second.ups[0])
    }),
  )

  it.effect("ignores the Leave of a process after another process of its generation has taken its place", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const leave: Frame = { _tag: "Leave", generation: 1 }
      const leaver = yield* start(world, completed(1))
      const other = yield* start(world, completed(1, 1))
      leaver.peer.says({ _tag: "LaneOpen", lanes: [], last: true }, leave)
      yield* settle
      assert.deepStrictEqual(world.frames(), [])
      assert.strictEqual(world.connections.open("peer"), other.ups[0])
      other.peer.says({ _tag: "LaneOpen", lanes: [], last: true }, leave)
      yield* settle
      assert.deepStrictEqual(world.frames(), ["Leave"])
    }),
  )

  it.effect("reads the Leave of a process on a connection that another connection of it has replaced", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      const first = yield* start(world, completed(1))
      yield* start(world, completed(2))
      first.peer.says({ _tag: "LaneOpen", lanes: [], last: true }, { _tag: "Leave", generation: 1 })
      yield* settle
      assert.deepStrictEqual(world.frames(), ["Leave"])
    }),
  )

  it.effect("closes a link that comes up after this node has closed all links", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      world.connections.closeAll("left")
      const { peer } = yield* start(world, completed())
      assert.deepStrictEqual(world.linkEvents(), [])
      assert.deepInclude(peer.written().at(-1), { _tag: "Bye", code: "left" })
    }),
  )

  it.effect("raises the counter of epochs above the epoch of the connection", () =>
    Effect.gen(function* () {
      const world = yield* makeContext()
      yield* start(world, completed(41))
      assert.strictEqual(world.context.epochs.next(), 42)
    }),
  )
})
