/** Runs the programs of packages/reactivity/AGENTS.md and docs/reactivity.md. */
import { Cluster } from "@coterie/core"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { KeyValueStore, Persistence } from "effect/persistence"
import { Tasks } from "../../programs/liveList.ts"
import { Notices } from "../../programs/notices.ts"
import { Reports } from "../../programs/persisted.ts"

const names = ["a", "b"] as const

const node = <A, E>(name: string, services: Layer.Layer<A, E, Cluster.Cluster>) =>
  Layer.provideMerge(Cluster.layerStart, services).pipe(
    Layer.provideMerge(Cluster.layer({ cluster: "app", name, seeds: names, start: "manual" })),
  )

describe("the programs of AGENTS.md of reactivity", () => {
  it.sim("a list runs again at all instances when one of them adds a task, and after a partition", (sim) =>
    Effect.gen(function* () {
      const store = Layer.succeedContext(yield* Layer.build(KeyValueStore.layerMemory))
      const { a, b } = yield* sim.nodes(names, (name) => node(name, Layer.provide(Tasks.layer, store)))
      let shown: string | undefined
      yield* b
        .run(
          Effect.flatMap(Tasks, ({ list }) =>
            Stream.runForEach(list, (tasks) => Effect.sync(() => void (shown = tasks))),
          ),
        )
        .pipe(Effect.forkScoped)
      const add = (task: string) => a.run(Effect.flatMap(Tasks, (tasks) => tasks.add(task)))
      const links = (count: number) => () =>
        [a, b].every(
          (node) =>
            [...(node.service(Cluster.Cluster)?.viewUnsafe().peers.values() ?? [])].filter(({ link }) => link === "up")
              .length === count,
        )
      yield* sim.until("they have met", links(1))
      yield* add("shop")
      yield* sim.until("b shows the task", () => shown === "shop\n")
      yield* sim.network.partition(["a"], ["b"])
      yield* sim.until("they have lost each other", links(0))
      yield* add("cook")
      assert.strictEqual(shown, "shop\n")
      yield* sim.network.heal
      yield* sim.until("b shows both tasks", () => shown === "shop\ncook\n")
    }),
  )

  it.sim("a notice reaches the sockets of all instances", (sim) =>
    Effect.gen(function* () {
      const { a, b } = yield* sim.nodes(names, (name) => node(name, Notices.layer))
      const heard: Array<string | undefined> = []
      for (const instance of [a, b]) {
        yield* instance
          .run(
            Effect.flatMap(Notices, (notices) =>
              Stream.runForEach(notices.of("ann"), (text) => Effect.sync(() => void heard.push(text))),
            ),
          )
          .pipe(Effect.forkScoped)
      }
      yield* Effect.sleep("1 second")
      yield* a.run(Effect.flatMap(Notices, (notices) => notices.notify("bob", "not for ann")))
      const { sent } = yield* a.run(Effect.flatMap(Notices, (notices) => notices.notify("ann", "hello")))
      assert.deepStrictEqual([...sent].sort(), ["a", "b"])
      yield* sim.until("both sockets have the notice", () => heard.length === 2)
      assert.deepStrictEqual(heard, ["hello", "hello"])
    }),
  )

  it.sim("an outdated report is made again for all instances, once", (sim) =>
    Effect.gen(function* () {
      const store = Layer.succeedContext(yield* Layer.build(Persistence.layerMemory))
      let version = 1
      const made: Array<string> = []
      const make = (year: number) =>
        Effect.sync(() => {
          made.push(`${year}, version ${version}`)
          return made.at(-1) ?? ""
        })
      const { a, b } = yield* sim.nodes(names, (name) => node(name, Layer.provide(Reports.layer(make), store)))
      const get = (instance: typeof a) => instance.run(Effect.flatMap(Reports, (reports) => reports.get(2026)))
      yield* Effect.sleep("1 second")
      for (const instance of [a, b]) assert.strictEqual(yield* get(instance), "2026, version 1")
      version++
      yield* a.run(Effect.flatMap(Reports, (reports) => reports.outdated(2026)))
      yield* Effect.sleep("1 second")
      for (const instance of [a, b]) assert.strictEqual(yield* get(instance), "2026, version 2")
      assert.deepStrictEqual(made, ["2026, version 1", "2026, version 2"])
    }),
  )
})
