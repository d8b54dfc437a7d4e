import { it } from "@coterie/testkit/vitest"
import { Cluster } from "@coterie/core"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Connections } from "../chat/Connections.ts"
import { Delivery } from "../chat/Delivery.ts"
import { Reports } from "../chat/Reports.ts"
import { ownersOf, service, start } from "../chat/scenario.ts"
import { Profiles } from "../recipes/cacheInvalidation.ts"
import { instancesOf, Users, where } from "../recipes/presence.ts"

describe("the services of the chat in a simulation", () => {
  it.sim(service, { seeds: 5, timeout: 120_000 })

  it.sim(
    "an instance learns who is online from the other instances, and forgets the users of a crashed instance",
    {},
    (sim) =>
      Effect.gen(function* () {
        const { nodes } = yield* start(sim)
        const { a, b } = nodes
        const sees = (node: typeof a, expected: Readonly<Record<string, ReadonlyArray<string>>>) => () => {
          const users = node.service(Users)
          const present = users === undefined ? [] : [...Effect.runSync(users.list).values()]
          const online = JSON.stringify(
            Object.fromEntries(
              present
                .filter(({ leaving }) => !leaving)
                .map((user) => [user.key, instancesOf(user).map(({ name }) => name)]),
            ),
          )
          return online === JSON.stringify(expected) || `${node.name} sees ${online}`
        }
        const connect = (node: typeof a, user: string) =>
          Effect.forkScoped(
            Effect.ignore(
              node.run(
                Effect.andThen(
                  Effect.flatMap(Connections, ({ add }) => add(user, () => Effect.void)),
                  Effect.never,
                ),
              ),
            ),
          )
        yield* connect(a, "ann")
        yield* connect(a, "bob")
        yield* connect(b, "bob")
        yield* sim.until("a sees both users", sees(a, { ann: ["a"], bob: ["a", "b"] }), { within: "10 seconds" })
        yield* b.crash
        yield* sim.until("a has forgotten the users of b", sees(a, { ann: ["a"], bob: ["a"] }), {
          within: "10 seconds",
        })
        yield* b.restart
        yield* sim.until("b sees the users of a", sees(b, { ann: ["a"], bob: ["a"] }), { within: "10 seconds" })
      }),
  )

  it.sim(
    "a message is acknowledged once a client has confirmed it, and otherwise its sender gets the reason",
    {},
    (sim) =>
      Effect.gen(function* () {
        const { nodes } = yield* start(sim)
        const { a, b } = nodes
        const send = (id: string, to: string) =>
          a.run(Effect.flatMap(Delivery, ({ send }) => send({ id, from: "ann", to, text: "hello" })))
        const deaf = Effect.andThen(
          Effect.flatMap(Connections, ({ add }) => add("bob", () => Effect.void)),
          Effect.never,
        )
        assert.deepInclude(yield* Effect.flip(send("1", "nobody")), { reason: "notOnline", maybeDelivered: false })
        yield* Effect.forkScoped(Effect.ignore(b.run(deaf)))
        yield* sim.until("a sees bob", () => {
          const users = a.service(Users)
          return users !== undefined && Effect.runSync(where(users, "bob")).length === 1
        })
        assert.deepInclude(yield* Effect.flip(send("2", "bob")), { reason: "notConfirmed", maybeDelivered: true })
      }),
  )

  it.sim("one instance runs the job, and in a partition one instance of each part does", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes } = yield* start(sim)
      const instances = Object.values(nodes)
      const count = (expected: number) => () => {
        const owners = ownersOf(instances)
        return owners.length === expected || `the owners are ${owners}`
      }
      yield* sim.until("one instance is the owner", count(1), { within: "10 seconds" })
      const owner = instances.find(({ name }) => ownersOf(instances).includes(name)) ?? assert.fail()
      const others = instances.filter((instance) => instance !== owner)
      const report = (instance: typeof owner) => instance.run(Effect.flatMap(Reports, ({ last }) => last))
      yield* Effect.sleep("10 seconds")
      for (const instance of instances)
        assert.deepStrictEqual(yield* report(instance), [{ by: owner.name, instances: 3, users: 0 }])
      yield* owner.crash
      yield* sim.until("another instance is the owner", count(1), { within: "10 seconds" })
      const [next] = ownersOf(instances)
      yield* owner.restart
      yield* sim.until("it is the owner again", () => String(ownersOf(instances)) === owner.name, {
        within: "10 seconds",
      })
      yield* sim.network.partition(
        [owner.name],
        others.map(({ name }) => name),
      )
      yield* sim.until("each part has an owner", count(2), { within: "30 seconds" })
      assert.deepStrictEqual(ownersOf(instances).toSorted(), [owner.name, next].toSorted())
      yield* sim.network.heal
      yield* sim.until("it is the only owner", () => String(ownersOf(instances)) === owner.name, {
        within: "30 seconds",
      })
    }),
  )

  it.sim("all instances show a changed name, including an instance that was cut off", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes } = yield* start(sim)
      const { a, b } = nodes
      const shown = (node: typeof a) => node.run(Effect.flatMap(Profiles, ({ name }) => name("ann")))
      const rename = (name: string) => a.run(Effect.flatMap(Profiles, (profiles) => profiles.rename("ann", name)))
      const linked = (link: string) => () => b.service(Cluster.Cluster)?.viewUnsafe().peers.get("a")?.link === link
      yield* sim.until("b has a link to a", linked("up"), { within: "10 seconds" })
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* shown(b), "ann")
      yield* rename("Ann")
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* shown(b), "Ann")
      yield* sim.network.partition(["a"], ["b", "c"])
      yield* sim.until("b has lost a", () => !linked("up")(), { within: "30 seconds" })
      assert.strictEqual(yield* shown(b), "Ann")
      yield* rename("Anna")
      yield* sim.network.heal
      yield* sim.until("b has a link to a again", linked("up"), { within: "30 seconds" })
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* shown(b), "Anna")
    }),
  )
})
