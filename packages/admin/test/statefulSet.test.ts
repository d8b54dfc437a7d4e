/** The health of the pods of a StatefulSet, whose addresses change while DNS still has the old ones. */
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as World from "../../core/test/cluster/world.ts"
import * as StatefulSet from "./StatefulSet.ts"

const replicas = 3
const dnsAge = Duration.seconds(30)

/** The option of the StatefulSet in examples/deploy. */
const minReadySeconds = Duration.seconds(10)

/** Time until pods find each other: a start, the age of DNS, the pause of a node alone, and a dial without an answer. */
const findTime = Duration.sum(dnsAge, Duration.seconds(2 + 5 + 3))

/** Time between two looks at all pods. */
const lookInterval = Duration.millis(100)

/** Starts the pods, and waits until DNS has their addresses. */
const start = Effect.fnUntraced(function* (network: StatefulSet.Options["network"]) {
  const pods = yield* StatefulSet.make({ network, replicas, dnsAge })
  yield* Effect.sleep(dnsAge)
  return pods
})

/** Replaces one pod after the other, the last first, as a StatefulSet does. Returns what `look` has seen in the meantime. */
const roll = Effect.fnUntraced(function* (pods: StatefulSet.StatefulSet, end: (name: string) => Effect.Effect<void>) {
  const seen: Array<ReadonlyArray<string>> = []
  const look = Effect.map(pods.unready, (names) => void seen.push(names))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(lookInterval))))
  for (const name of pods.names().toReversed()) {
    yield* end(name)
    yield* pods.start(name)
    yield* pods.untilReady(name)
    yield* Effect.sleep(minReadySeconds)
  }
  return seen
}, Effect.scoped)

describe("a StatefulSet", () => {
  const ends = {
    "ends with SIGTERM": { end: (pods: StatefulSet.StatefulSet) => pods.stop, away: Duration.zero },
    "is lost with its machine and comes back a minute later": {
      end: (pods: StatefulSet.StatefulSet) => pods.kill,
      away: Duration.minutes(1),
    },
  }
  for (const [what, { away, end }] of Object.entries(ends)) {
    World.simulated(`has at most one pod that is not ready while one pod after the other ${what}`, (_, network) =>
      Effect.gen(function* () {
        const pods = yield* start(network)
        const seen = yield* roll(pods, (name) => Effect.andThen(end(pods)(name), Effect.sleep(away)))
        assert.deepStrictEqual([...new Set(seen.flat())].sort(), pods.names())
        for (const names of seen) assert.isAtMost(names.length, 1, names.join())
        yield* pods.untilLinked()
      }),
    )
  }

  const hosts = {
    "all addresses are new": () => undefined,
    "one of them has the former address of another": (pods: StatefulSet.StatefulSet) => pods.hostOf("shop-1"),
  }
  for (const [what, host] of Object.entries(hosts)) {
    World.simulated(
      `has links between all pods again after all are replaced while DNS has their former addresses, and ${what}`,
      (_, network) =>
        Effect.gen(function* () {
          const pods = yield* start(network)
          const of = (name: string) => (name === "shop-0" ? host(pods) : undefined)
          const replaced = pods.names().map((name) => pods.start(name, of(name)))
          yield* Effect.forEach(pods.names(), pods.kill)
          const began = yield* Clock.currentTimeMillis
          yield* Effect.all(replaced, { concurrency: "unbounded" })
          yield* pods.untilLinked()
          const took = (yield* Clock.currentTimeMillis) - began
          assert.isAtMost(took, Duration.toMillis(findTime))
          assert.deepStrictEqual(yield* pods.unready, [])
        }),
    )
  }
})
