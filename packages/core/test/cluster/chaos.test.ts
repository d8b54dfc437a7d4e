/** Random faults on the simulated network, after which the cluster recovers without help. */
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

/** Number of seeds, few because the swarm has more nodes and more faults. */
const seeds = 2

/** Names in the order in which the nodes start. The first node is the seed of all others. */
const alphabet = ["m", "a", "z", "k", "b", "y"]

/** Nodes that broadcast numbers, and check that the numbers from each generation of a sender increase. */
class TalkingNodes {
  readonly running = new Map<string, { readonly node: World.Node; readonly scope: Scope.Closeable }>()
  /** Messages that arrived out of order, or twice. */
  readonly disorder: Array<string> = []
  received = 0
  private readonly world: World.World
  private readonly lastOf = new Map<string, number>()

  constructor(world: World.World) {
    this.world = world
  }

  start(name: string) {
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const node = yield* Scope.provide(this.world.node(name, { seeds: ["m"] }), scope)
      this.running.set(name, { node, scope })
      yield* Effect.forkIn(this.readInbox(name, node), scope)
      yield* Effect.forkIn(this.broadcastNumbers(node), scope)
      this.lastOf.forEach((_, key) => key.endsWith(`>${name}`) && this.lastOf.delete(key))
    })
  }

  end(name: string, how: "crash" | "stop") {
    return Effect.gen({ self: this }, function* () {
      const it = this.running.get(name)
      if (it === undefined) return
      this.running.delete(name)
      yield* how === "crash" ? it.node.crash : it.node.stop
      yield* Scope.close(it.scope, Exit.void)
    })
  }

  private readInbox(name: string, { cluster }: World.Node) {
    return Stream.runForEach(cluster.inbox, ({ from, text }) =>
      Effect.sync(() => {
        const key = `${from.name}#${from.generation}>${name}`
        const last = this.lastOf.get(key) ?? -1
        if (Number(text) <= last) this.disorder.push(`${key}: ${text} after ${last}`)
        this.received++
        this.lastOf.set(key, Number(text))
      }),
    )
  }

  private broadcastNumbers({ cluster }: World.Node) {
    return Effect.gen(function* () {
      for (let next = 0; ; next++) {
        yield* Effect.ignore(cluster.broadcast(String(next)))
        yield* Effect.sleep("97 millis")
      }
    })
  }
}

/** Injects one random fault. */
const injectFault = Effect.fnUntraced(function* (
  nodes: TalkingNodes,
  names: ReadonlyArray<string>,
  network: SimNetwork.Shape,
) {
  const pick = Random.choice(names as [string, ...Array<string>])
  const name = yield* pick
  const other = yield* pick
  const others = names.filter((each) => each !== name)
  switch (yield* Random.nextIntBetween(0, 8)) {
    case 0:
      return yield* network.cut(name, other)
    case 1:
      return yield* network.partition([name], others)
    case 2:
      return yield* network.partitionOneWay([name], [other])
    case 3:
      return yield* network.heal
    case 4:
      return yield* nodes.end(name, "crash")
    case 5:
      return yield* nodes.end(name, "stop")
    case 6:
      return nodes.running.has(name) ? undefined : yield* nodes.start(name)
    default: {
      const node = nodes.running.get(name)?.node
      return yield* node?.sever ?? Effect.void
    }
  }
})

for (let seed = 1; seed <= seeds; seed++) {
  World.simulated(
    `after cuts, partitions, crashes, restarts and leaves every node lists every other node (seed ${seed})`,
    (world, network) =>
      Effect.gen(function* () {
        const count = yield* Random.nextIntBetween(2, alphabet.length + 1)
        const names = alphabet.slice(0, count)
        const nodes = new TalkingNodes(world)
        const start = (name: string) => nodes.start(name)

        yield* Effect.forEach(names, start, { discard: true })
        const faults = yield* Random.nextIntBetween(5, 30)
        for (let i = 0; i < faults; i++) {
          yield* injectFault(nodes, names, network)
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 1_500))
        }

        yield* network.heal
        yield* Effect.forEach(
          names.filter((name) => !nodes.running.has(name)),
          start,
          { discard: true },
        )
        for (const [name, { node }] of nodes.running) {
          yield* Effect.timeout(
            World.untilPeers(
              node,
              names.filter((each) => each !== name),
            ),
            "2 minutes",
          )
        }
        yield* Effect.sleep("5 seconds")
        assert.deepStrictEqual(nodes.disorder, [], "in order, and at most once")
        assert.isAbove(nodes.received, 100)
        for (const [i, a] of names.entries()) {
          for (const b of names.slice(i + 1)) {
            assert.strictEqual(yield* network.connections(a, b), 1, `connections of ${a} and ${b}`)
          }
        }
      }),
    { latency: { min: "1 millis", max: "40 millis" }, split: true },
  )
}
