/** Runs the programs of packages/core/AGENTS.md. */
import { Cluster } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as path from "node:path"
import * as Child from "../../support/Child.ts"
import { handOver } from "../../programs/handOver.ts"
import { eachLoss } from "../../programs/watch.ts"

const names = ["a", "b", "c"] as const

/** Starts three nodes, and waits until `a` has a link to both others. */
const start = Effect.fnUntraced(function* (sim: Simulation.Sim) {
  const nodes = yield* sim.nodes(names, (name) => Cluster.layer({ cluster: "work", name, seeds: names }))
  yield* sim.until("a has links", () => {
    const peers = [...(nodes.a.service(Cluster.Cluster)?.viewUnsafe().peers.values() ?? [])]
    return peers.length === 2 && peers.every(({ link }) => link === "up")
  })
  return nodes
})

/** Reads the inbox of a node, and returns what it has read. */
const reading = Effect.fnUntraced(function* (node: Simulation.Node<Cluster.Cluster>) {
  const read: Array<string> = []
  yield* Effect.flatMap(Cluster.Cluster, ({ inbox }) =>
    Stream.runForEach(inbox, ({ text }) => Effect.sync(() => read.push(text))),
  ).pipe(node.run, Effect.forkScoped)
  return read
})

describe("the programs of AGENTS.md of core", () => {
  it.sim("handOver gives each job to one peer that reads", (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* start(sim)
      const read = [yield* reading(b), yield* reading(c)]
      const first = yield* a.run(handOver("mow"))
      assert.include(["b", "c"], first)
      assert.deepStrictEqual(read.flat(), ["mow"])

      yield* (first === "b" ? b : c).crash
      yield* sim.until("a has one link", () => {
        const peers = a.service(Cluster.Cluster)?.viewUnsafe().peers.values() ?? []
        return [...peers].filter(({ link }) => link === "up").length === 1
      })
      assert.strictEqual(yield* a.run(handOver("rake")), first === "b" ? "c" : "b")
      assert.deepStrictEqual(read.flat().toSorted(), ["mow", "rake"])
    }),
  )

  it.sim("handOver gives a job to no other peer if the first one may have taken it", (sim) =>
    Effect.gen(function* () {
      const { a } = yield* start(sim)
      // No program reads an inbox, so the peer accepts the job and confirms nothing.
      const error = yield* Effect.flip(a.run(handOver("mow")))
      assert.include(error, { _tag: "SendError", maybeDelivered: true })
    }),
  )

  it.sim("eachLoss reports each process that is gone", (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* start(sim)
      const lost: Array<string> = []
      yield* Effect.forkScoped(
        a.run(eachLoss((name, generation) => Effect.sync(() => lost.push(`${name} ${generation}`)))),
      )
      const generationOf = (name: string) =>
        a.service(Cluster.Cluster)?.viewUnsafe().peers.get(name)?.generation ?? assert.fail(`a does not list ${name}`)
      const first = [`b ${generationOf("b")}`, `c ${generationOf("c")}`]
      yield* b.stop
      yield* sim.until("b has left", () => lost.length === 1)
      yield* c.crash
      yield* c.restart
      yield* sim.until("c was replaced", () => lost.length === 2)
      const second = `c ${generationOf("c")}`
      yield* c.crash
      yield* sim.until("c has failed", () => lost.length === 3)
      assert.deepStrictEqual(lost, [...first, second])
    }),
  )

  it.live(
    "service.ts runs as two processes that meet",
    () =>
      Effect.gen(function* () {
        const within = "60 seconds"
        const start = (name: string, env: Child.Environment = {}) =>
          Child.spawn(name, path.join(import.meta.dirname, "../../programs/service.ts"), [], {
            COTERIE_CLUSTER: "shop",
            COTERIE_NAME: name,
            COTERIE_PORT: "0",
            ...env,
          })
        const a = yield* start("a")
        const address = yield* a.expect("its address", (line) => / at (\S+);/.exec(line)?.[1], { within })
        const b = yield* start("b", { COTERIE_SEEDS: address })
        yield* b.expect("a", (line) => (line.includes("a joined") ? line : undefined), { within })
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    120_000,
  )
})
