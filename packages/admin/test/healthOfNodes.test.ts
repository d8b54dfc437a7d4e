/** The health of running nodes, while other nodes come, go and refuse them. */
import * as World from "../../core/test/cluster/world.ts"
import { Health } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import type { Inspection } from "@coterie/core/Inspection"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"

type Node = Pick<World.Node, "cluster">

const answers = (found: Inspection) => [Health.started(found).ok, Health.ready(found).ok, Health.live(found).ok]

const healthOf = ({ cluster }: Node) => Effect.map(cluster.inspect(), answers)

/** Waits until an inspection of the node satisfies the condition. */
const until = ({ cluster }: Node, expected: (found: Inspection) => boolean): Effect.Effect<Inspection> =>
  Effect.flatMap(cluster.inspect(), (found) =>
    expected(found)
      ? Effect.succeed(found)
      : Effect.andThen(Effect.sleep("20 millis"), () => until({ cluster }, expected)),
  )

const refusedWith = (reason: string) => (found: Inspection) =>
  found.addresses.some(({ dial }) => dial?.reason === reason)

/** Starts a node with a secret on the loopback. */
const withSecret = (name: string, secret: string, seeds: ReadonlyArray<string>) =>
  Effect.map(
    Layer.build(
      Cluster.layer({ cluster: "test", name, seeds }).pipe(
        Layer.provide(NodeTransport.layerSecret({ port: 0 })),
        Layer.provide(Keyring.layer(Redacted.make(secret))),
        Layer.provide(Logger.layer([])),
      ),
    ),
    (context) => ({ cluster: Context.get(context, Cluster.Cluster) }),
  )

describe("the health of a node", () => {
  World.simulated("stays good when the only other node dies", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      assert.deepStrictEqual(yield* healthOf(a), [true, true, true])
      yield* b.crash
      for (let i = 0; i < 60; i++) {
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(yield* healthOf(a), [true, true, true])
      }
      yield* a.cluster.leave
      assert.deepStrictEqual(yield* healthOf(a), [true, false, true])
    }),
  )

  World.simulated("of a first node is good after ten seconds, and not before", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a", { seeds: ["nobody:1", "no-one:1"] })
      assert.deepStrictEqual(yield* healthOf(a), [false, false, true])
      yield* a.cluster.settled
      yield* Effect.sleep("9 seconds")
      assert.deepStrictEqual(yield* healthOf(a), [false, false, true])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* healthOf(a), [true, true, true])
    }),
  )

  it.live("that a newer process of its name has replaced is bad for good, and that of the newer one is good", () =>
    Effect.gen(function* () {
      const { node } = yield* World.tcp
      const b = yield* node("b")
      const older = yield* node("a", { seeds: [b.address] })
      yield* World.untilPeers(older, ["b"])
      const newer = yield* node("a", { seeds: [b.address] })
      const { reason } = yield* Effect.flip(older.cluster.stopped)
      assert.strictEqual(reason._tag, "Superseded")
      yield* World.untilPeers(newer, ["b"])
      assert.deepStrictEqual(yield* healthOf(older), [true, false, false])
      assert.strictEqual(
        Health.live(yield* older.cluster.inspect()).reason,
        "this node has stopped: a newer process uses the name of this node; restart the process",
      )
      assert.deepStrictEqual(yield* healthOf(newer), [true, true, true])
    }).pipe(Effect.scoped),
  )

  it.live("of a second process with the name of a living one is never good", () =>
    Effect.gen(function* () {
      const world = yield* World.tcp
      const a = yield* world.node("a", {}, Layer.empty)
      const waiting = yield* world.node("a", { seeds: [a.address], failOn: [] }, Layer.empty)
      const found = yield* until(waiting, refusedWith("duplicate"))
      assert.deepStrictEqual(answers({ ...found, uptimeMillis: 3_600_000 }), [false, false, true])
      assert.strictEqual(Health.ready(found).reason, "a peer refuses this node: duplicate")
      // With the default, it stops, and its supervisor restarts it.
      const stopping = yield* world.node("a", { seeds: [a.address] }, Layer.empty)
      yield* Effect.flip(stopping.cluster.stopped)
      assert.deepStrictEqual(yield* healthOf(stopping), [false, false, false])
      assert.deepStrictEqual(yield* healthOf(a), [true, true, true])
    }).pipe(Effect.scoped),
  )

  it.live("of a node with a wrong secret is never good", () =>
    Effect.gen(function* () {
      const a = yield* withSecret("a", "one secret of 32 characters or so", [])
      const { addresses } = yield* a.cluster.self
      const b = yield* withSecret("b", "another secret of 32 characters..", addresses)
      const found = yield* until(b, refusedWith("unauthenticated"))
      assert.deepStrictEqual(answers({ ...found, uptimeMillis: 3_600_000 }), [false, false, true])
      assert.strictEqual(Health.ready(found).reason, "a peer refuses this node: unauthenticated")
    }).pipe(Effect.scoped),
  )
})
