import { it } from "@coterie/testkit/vitest"
import { Cluster, Rendezvous } from "@coterie/core"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Connections } from "../chat/Connections.ts"
import { Delivery } from "../chat/Delivery.ts"
import { Reports } from "../chat/Reports.ts"
import { service, start } from "../chat/scenario.ts"
import { Profiles } from "../recipes/cacheInvalidation.ts"
import { Presence } from "../recipes/presence.ts"

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
          const presence = node.service(Presence)
          const instancesOf = (user: string) => presence?.where(user).map(({ name }) => name)
          const online = JSON.stringify(
            Object.fromEntries((presence?.users() ?? []).map((user) => [user, instancesOf(user)])),
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
        yield* sim.until("a sees bob", () => a.service(Presence)?.where("bob").length === 1)
        assert.deepInclude(yield* Effect.flip(send("2", "bob")), { reason: "notConfirmed", maybeDelivered: true })
      }),
  )

  it.sim("one instance runs the job, and in a partition one instance of each part does", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes } = yield* start(sim)
      const candidates = Object.values(nodes).map((node) => ({ ...Rendezvous.candidate(node.name), node }))
      const [first, second, third] = Rendezvous.owners(candidates, "singleton/job", 3).map(({ node }) => node)
      if (first === undefined || second === undefined || third === undefined) return assert.fail("a node is missing")
      const owners = () =>
        Object.values(nodes).flatMap((node) => (node.service(Reports)?.isOwner() === true ? [node.name] : []))
      const are =
        (...expected: ReadonlyArray<string>) =>
        () =>
          String(owners()) === String([...expected].sort()) || `the owners are ${owners()}`
      const reported = first.run(Effect.flatMap(Reports, ({ last }) => last))
      yield* sim.until("the first is the owner", are(first.name), { within: "10 seconds" })
      yield* Effect.sleep("10 seconds")
      assert.deepInclude(yield* reported, { value: { by: first.name, instances: 3, users: 0 } })
      yield* first.crash
      yield* sim.until("the second is the owner", are(second.name), { within: "10 seconds" })
      yield* first.restart
      yield* sim.until("the first is the owner again", are(first.name), { within: "10 seconds" })
      yield* sim.network.partition([first.name], [second.name, third.name])
      yield* sim.until("both parts have an owner", are(first.name, second.name), { within: "30 seconds" })
      yield* sim.network.heal
      yield* sim.until("the first is the only owner", are(first.name), { within: "30 seconds" })
      assert.strictEqual(second.state, "running")
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
