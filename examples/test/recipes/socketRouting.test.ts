/** Runs the service of docs/recipes/socket-routing.md. processes.test.ts runs the HTTP server of the page. */
import { Cluster } from "@coterie/core"
import { PeerRpcClient } from "@coterie/rpc"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Presence from "../../recipes/presence.ts"
import * as Routing from "../../recipes/socketRouting.ts"

const names = ["a", "b", "c"] as const

const start = (sim: Simulation.Sim) =>
  sim.nodes(
    names,
    (name) =>
      Routing.layer.pipe(
        Layer.provideMerge(Layer.merge(Presence.layer, PeerRpcClient.layer())),
        Layer.provideMerge(Cluster.layer({ cluster: "sockets", name, seeds: names, start: "manual" })),
      ),
    { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
  )

type Node = Effect.Success<ReturnType<typeof start>>["a"]

/** Connects a user to a node until the node ends. */
const connect = (node: Node, user: string, write: (text: string) => Effect.Effect<void, unknown>) =>
  Effect.flatMap(Routing.Sockets, ({ add }) => Effect.scoped(Effect.andThen(add({ user, write }), Effect.never))).pipe(
    node.run,
    Effect.ignore,
    Effect.forkScoped,
  )

const send = (node: Node, user: string, text: string) =>
  node.run(Effect.flatMap(Routing.Sockets, ({ send }) => send(user, text)))

const sees = (node: Node, user: string, instances: string) => () => {
  const users = node.service(Presence.Users)
  const seen = users && Effect.runSync(Presence.where(users, user)).map(({ name }) => name)
  return String(seen) === instances || `${node.name} has ${user} at ${seen}`
}

describe("the recipe of socket routing", () => {
  it.sim("writes to every socket of a user, also after the user moved to another instance", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* start(sim)
      const received: Array<string> = []
      const writeAt = (name: string) => (text: string) => Effect.sync(() => void received.push(`${name}: ${text}`))
      assert.include(yield* Effect.flip(send(a, "ann", "too early")), { maybeDelivered: false })
      yield* connect(b, "ann", writeAt("b"))
      yield* connect(a, "ann", writeAt("a"))
      yield* sim.until("c knows where ann is", sees(c, "ann", "a,b"))
      yield* send(c, "ann", "hello")
      assert.deepStrictEqual(received.splice(0).sort(), ["a: hello", "b: hello"])
      yield* b.crash
      yield* connect(c, "ann", writeAt("c"))
      yield* sim.until("a knows where ann is now", sees(a, "ann", "a,c"))
      yield* send(a, "ann", "again")
      assert.deepStrictEqual(received.splice(0).sort(), ["a: again", "c: again"])
    }),
  )

  it.sim("reports that a text may be written if the instance of the user is lost before it answers", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b } = yield* start(sim)
      yield* connect(b, "ann", () => Effect.andThen(b.crash, Effect.never))
      yield* sim.until("a knows where ann is", sees(a, "ann", "b"))
      assert.include(yield* Effect.flip(send(a, "ann", "hello")), { maybeDelivered: true })
      yield* sim.until("a knows that ann is gone", sees(a, "ann", ""))
      assert.include(yield* Effect.flip(send(a, "ann", "hello")), { maybeDelivered: false })
    }),
  )

  it.sim("reports that nothing was written if the socket fails", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b } = yield* start(sim)
      yield* connect(b, "ann", () => Effect.fail("the socket is closed"))
      yield* sim.until("a knows where ann is", sees(a, "ann", "b"))
      assert.include(yield* Effect.flip(send(a, "ann", "hello")), { maybeDelivered: false })
    }),
  )
})
