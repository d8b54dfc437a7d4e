/** Runs the program of docs/recipes/presence.md. */
import { Cluster } from "@coterie/core"
import { FaultPlan, type Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as Presence from "../../recipes/presence.ts"

const names = ["a", "b", "c"] as const

const start = (sim: Simulation.Sim) =>
  sim.nodes(
    names,
    (name) =>
      Presence.layer.pipe(
        Layer.provideMerge(Cluster.layer({ cluster: "presence", name, seeds: names, start: "manual" })),
      ),
    { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
  )

type Node = Effect.Success<ReturnType<typeof start>>["a"]

/** Keeps users online at a node until the node ends. */
const enter = (node: Node, ...users: ReadonlyArray<string>) =>
  Effect.flatMap(Presence.Users, ({ track }) =>
    Effect.scoped(
      Effect.andThen(
        Effect.forEach(users, (user) => track(user, null)),
        Effect.never,
      ),
    ),
  ).pipe(node.run, Effect.ignore, Effect.forkScoped)

/** Returns a condition that holds once a node sees exactly these users, each as `USER@INSTANCE,INSTANCE`. */
const sees = (node: Node, expected: string) => () => {
  const users = node.service(Presence.Users)
  const present = users === undefined ? [] : [...Effect.runSync(users.list).values()]
  const seen = present
    .filter(({ leaving }) => !leaving)
    .map((user) => `${user.key}@${Presence.instancesOf(user).map(({ name }) => name)}`)
    .sort()
  return seen.join(" ") === expected || `${node.name} sees ${seen.join(" ")}`
}

describe("the recipe of presence", () => {
  it.sim("forgets the users of a crashed instance, and learns the users of its next life", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* start(sim)
      yield* enter(a, "ann")
      yield* enter(b, "ann", "bob")
      yield* enter(c, "cat")
      for (const node of [a, b, c]) {
        yield* sim.until("all users are seen", sees(node, "ann@a,b bob@b cat@c"), { within: "10 seconds" })
      }
      yield* b.crash
      yield* sim.until("the users of b are gone", sees(a, "ann@a cat@c"), { within: "10 seconds" })
      yield* b.restart
      yield* sim.until("b learns who is there", sees(b, "ann@a cat@c"), { within: "10 seconds" })
      yield* enter(b, "dan")
      yield* sim.until("the users of the new life are seen", sees(c, "ann@a cat@c dan@b"), { within: "10 seconds" })
    }),
  )

  it.sim("sees a user until its last socket at an instance is closed", {}, (sim) =>
    Effect.gen(function* () {
      const { a, c } = yield* start(sim)
      const stay = (seconds: number) =>
        Effect.flatMap(Presence.Users, ({ track }) =>
          Effect.scoped(Effect.andThen(track("ann", null), Effect.sleep(`${seconds} seconds`))),
        ).pipe(a.run, Effect.forkScoped)
      const [short, long] = [yield* stay(10), yield* stay(20)]
      yield* sim.until("c sees ann", sees(c, "ann@a"), { within: "10 seconds" })
      yield* Fiber.join(short)
      yield* Effect.sleep("5 seconds")
      assert.isTrue(sees(c, "ann@a")())
      yield* Fiber.join(long)
      yield* sim.until("ann is gone", sees(c, ""), { within: "10 seconds" })
    }),
  )

  it.sim("shows each side of a partition its own users, and all users once it has healed", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* start(sim)
      yield* enter(a, "ann")
      yield* enter(b, "bob")
      yield* enter(c, "cat")
      yield* sim.until("a sees all users", sees(a, "ann@a bob@b cat@c"), { within: "10 seconds" })
      yield* sim.network.partition(["a"], ["b", "c"])
      yield* sim.until("a sees its own user", sees(a, "ann@a"), { within: "30 seconds" })
      yield* sim.until("b sees the others", sees(b, "bob@b cat@c"), { within: "30 seconds" })
      yield* enter(b, "dan")
      yield* sim.network.heal
      yield* sim.until("a sees all users again", sees(a, "ann@a bob@b cat@c dan@b"), { within: "1 minute" })
      yield* sim.until("c sees all users again", sees(c, "ann@a bob@b cat@c dan@b"), { within: "1 minute" })
    }),
  )

  it.sim(
    "converges to the same users at all instances after all faults",
    { seeds: 10, faults: FaultPlan.swarm },
    (sim) =>
      Effect.gen(function* () {
        const nodes = yield* start(sim)
        // Each node has one guest after the other in each life, and each guest has another name.
        const present = new Map<string, string>()
        let last = 0
        for (const node of Object.values(nodes)) {
          yield* Effect.gen(function* () {
            const { track } = yield* Presence.Users
            const guest = `guest ${++last}`
            yield* track(guest, null)
            present.set(node.name, guest)
            yield* Effect.sleep("3 seconds")
          }).pipe(
            Effect.scoped,
            node.run,
            Effect.ignore,
            Effect.andThen(Effect.sync(() => present.delete(node.name))),
            Effect.andThen(Effect.sleep("1 second")),
            Effect.forever,
            Effect.forkScoped,
          )
        }
        yield* Effect.sleep("30 seconds")
        yield* sim.converges(() => {
          const expected = [...present]
            .map(([name, guest]) => ({ guest, name }))
            .sort((x, y) => (x.guest < y.guest ? -1 : 1))
          if (expected.length < names.length) return "a guest is away"
          return (
            Object.values(nodes)
              .map((node) => sees(node, expected.map(({ guest, name }) => `${guest}@${name}`).join(" "))())
              .find((answer) => answer !== true) ?? true
          )
        })
      }),
  )
})
