/**
 * A large message on a slow line holds up nobody: heartbeats and the messages of other lanes go between its pieces.
 */
import * as Cluster from "@coterie/core/Cluster"
import { Invariant } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Frame from "../../src/protocol/Frame.ts"
import * as Limits from "../../src/Limits.ts"
import * as Overrides from "../../src/cluster/Overrides.ts"

/** Bytes a second: the message takes longer than silence is borne. */
const bandwidth = 1_000_000

/** What may be under way before a message: a write of two frames, what the line holds of the one before, and the next. */
const ahead = 4

it.sim(
  "while sixteen mebibytes go out on one lane others pass on other lanes, and nobody is suspected",
  {
    seeds: 3,
    faults: { network: { delay: { uniform: ["5 millis", "20 millis"] }, bandwidth, sendBuffer: 65_536 } },
    timeout: 300_000,
  },
  (sim) =>
    Effect.gen(function* () {
      /** Pieces of the large message since another one came. */
      let pieces = 0
      let passed = 0
      const layer = (name: string) =>
        Cluster.layer({ cluster: "test", name, seeds: ["a:7946"] }).pipe(
          Layer.provide(
            Overrides.layer({
              makeReceiveLanes: (options) => {
                const intake = Overrides.defaults.makeReceiveLanes(options)
                return {
                  ...intake,
                  receive: (frame) => {
                    if (frame.payload.length === Frame.maxFragmentBytes) pieces++
                    else if (frame.last && frame.first) {
                      pieces = 0
                      passed++
                    }
                    return intake.receive(frame)
                  },
                }
              },
            }),
          ),
        )
      const { a, b } = yield* sim.nodes(["a", "b"], layer)
      const on = Effect.fnUntraced(function* (name: string) {
        return yield* (yield* Cluster.Cluster).lane(name)
      })
      const read = (name: string) =>
        b.run(Effect.flatMap(on(name), (lane) => Stream.runDrain(lane.read())).pipe(Effect.orDie))
      const events: Array<string> = []
      for (const node of [a, b]) {
        yield* Effect.forkScoped(
          node.run(
            Effect.flatMap(Cluster.Cluster, (cluster) =>
              Stream.runForEach(cluster.events, ({ _tag }) => Effect.sync(() => events.push(_tag))),
            ),
          ),
        )
      }
      for (const name of ["large", "small"]) yield* Effect.forkScoped(read(name))
      yield* Effect.forkScoped(b.run(Effect.flatMap(Cluster.Cluster, ({ inbox }) => Stream.runDrain(inbox))))
      yield* Effect.sleep("5 seconds")
      yield* Invariant.always("other messages pass the pieces of a large one", () =>
        pieces > ahead ? `${pieces} pieces without another message` : true,
      )
      const large = yield* Effect.forkScoped(
        a.run(
          Effect.flatMap(on("large"), (lane) =>
            lane.send("b", new Uint8Array(Limits.defaults.messageBytes), { confirm: true }),
          ),
        ),
      )
      const talk = Effect.gen(function* () {
        const cluster = yield* Cluster.Cluster
        const small = yield* on("small")
        while (true) {
          yield* small.send("b", "on a lane", { confirm: true })
          yield* cluster.send("b", "in the inbox", { confirm: true })
        }
      })
      const talking = yield* Effect.forkScoped(a.run(talk))
      yield* Fiber.join(large)
      yield* Fiber.interrupt(talking)
      assert.isAbove(passed, 50)
      assert.deepStrictEqual(
        events.filter((event) => event !== "Snapshot" && event !== "Joined"),
        [],
      )
    }),
)
