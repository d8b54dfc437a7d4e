/**
 * Random faults over the simulated network, after which the cluster becomes whole again without help.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const seeds = 10

/** Names in the order in which they are started; the first is the seed of all nodes. */
const alphabet = ["m", "a", "z", "k", "b", "y"]

for (let seed = 1; seed <= seeds; seed++) {
  World.simulated(
    `after cuts, partitions, crashes, restarts and leaves every node lists every other node (seed ${seed})`,
    ({ node }, network) =>
      Effect.gen(function* () {
        const count = yield* Random.nextIntBetween(2, alphabet.length + 1)
        const names = alphabet.slice(0, count)
        const running = new Map<string, { readonly node: World.Node; readonly scope: Scope.Closeable }>()
        const lastOf = new Map<string, number>()
        const disorder: Array<string> = []
        let heard = 0

        /** Starts a node that broadcasts numbers, and checks that the numbers from each life of a sender grow. */
        const start = Effect.fnUntraced(function* (name: string) {
          const scope = yield* Scope.fork(yield* Effect.scope)
          const started = yield* Scope.provide(node(name, { seeds: ["m:7946"] }), scope)
          running.set(name, { node: started, scope })
          yield* Effect.forkIn(
            Stream.runForEach(started.cluster.inbox, ({ from, text }) =>
              Effect.sync(() => {
                const key = `${from.name}#${from.generation}>${name}`
                const last = lastOf.get(key) ?? -1
                if (Number(text) <= last) disorder.push(`${key}: ${text} after ${last}`)
                heard++
                lastOf.set(key, Number(text))
              }),
            ),
            scope,
          )
          let next = 0
          yield* Effect.forkIn(
            Effect.forever(
              Effect.andThen(
                Effect.ignore(Effect.suspend(() => started.cluster.broadcast(String(next++)))),
                Effect.sleep("97 millis"),
              ),
            ),
            scope,
          )
          lastOf.forEach((_, key) => key.endsWith(`>${name}`) && lastOf.delete(key))
        })

        const end = Effect.fnUntraced(function* (name: string, how: "crash" | "stop") {
          const it = running.get(name)
          if (it === undefined) return
          running.delete(name)
          yield* how === "crash" ? it.node.crash : it.node.stop
          yield* Scope.close(it.scope, Exit.void)
        })

        const pick = Random.choice(names as [string, ...Array<string>])
        const fault = Effect.gen(function* () {
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
              return yield* end(name, "crash")
            case 5:
              return yield* end(name, "stop")
            case 6:
              return running.has(name) ? undefined : yield* start(name)
            default: {
              const node = running.get(name)?.node
              return yield* node?.sever ?? Effect.void
            }
          }
        })

        yield* Effect.forEach(names, start, { discard: true })
        const faults = yield* Random.nextIntBetween(5, 30)
        for (let i = 0; i < faults; i++) {
          yield* fault
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 1_500))
        }

        yield* network.heal
        yield* Effect.forEach(
          names.filter((name) => !running.has(name)),
          start,
          { discard: true },
        )
        for (const [name, { node }] of running) {
          yield* Effect.timeout(
            World.untilPeers(
              node,
              names.filter((each) => each !== name),
            ),
            "2 minutes",
          )
        }
        yield* Effect.sleep("5 seconds")
        assert.deepStrictEqual(disorder, [], "in order, and at most once")
        assert.isAbove(heard, 100)
        for (const [i, a] of names.entries()) {
          for (const b of names.slice(i + 1)) {
            assert.strictEqual(yield* network.connections(a, b), 1, `connections of ${a} and ${b}`)
          }
        }
      }),
    { latency: { min: "1 millis", max: "40 millis" }, split: true },
  )
}
