/**
 * A large message on a slow line delays no other frame: heartbeats and messages of other lanes pass between its
 * fragments.
 */
import * as Cluster from "@coterie/core/Cluster"
import { Invariant } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { ReceiveLanes } from "../../src/flow/ReceiveLanes.ts"
import { maxFragmentBytes } from "../../src/protocol/constants.ts"
import type { Data } from "../../src/protocol/Frame.ts"
import type { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import * as Limits from "../../src/Limits.ts"
import * as Overrides from "../../src/cluster/Overrides.ts"

/** Bytes per second, so that the message takes longer than the link timeout. */
const bandwidth = 1_000_000

/** Maximum number of fragments before a message: a write of two frames, the write before on the line, and the next. */
const ahead = 4

it.sim(
  "while a message of 16 MiB is sent on one lane, messages pass on other lanes and nobody is suspected",
  {
    seeds: 3,
    faults: { network: { delay: { uniform: ["5 millis", "20 millis"] }, bandwidth, sendBuffer: 65_536 } },
    timeout: 300_000,
  },
  (sim) =>
    Effect.gen(function* () {
      /** Fragments of the large message since the last other message. */
      let fragments = 0
      let passed = 0
      class CountingLanes extends ReceiveLanes {
        override receive(frame: Data): ProtocolViolation | undefined {
          if (frame.payload.length === maxFragmentBytes) fragments++
          else if (frame.last && frame.first) {
            fragments = 0
            passed++
          }
          return super.receive(frame)
        }
      }
      const layer = (name: string) =>
        Cluster.layer({ cluster: "test", name, seeds: ["a"] }).pipe(
          Layer.provide(Overrides.layer({ makeReceiveLanes: (options) => new CountingLanes(options) })),
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
      yield* Invariant.always("other messages pass between the fragments of a large message", () =>
        fragments > ahead ? `${fragments} fragments without another message` : true,
      )
      const large = yield* Effect.forkScoped(
        a.run(
          Effect.flatMap(on("large"), (lane) =>
            lane.send("b", new Uint8Array(Limits.defaults.messageBytes), { confirm: true }),
          ),
        ),
      )
      const sendMessages = Effect.gen(function* () {
        const cluster = yield* Cluster.Cluster
        const small = yield* on("small")
        while (true) {
          yield* small.send("b", "on a lane", { confirm: true })
          yield* cluster.send("b", "in the inbox", { confirm: true })
        }
      })
      const sending = yield* Effect.forkScoped(a.run(sendMessages))
      yield* Fiber.join(large)
      yield* Fiber.interrupt(sending)
      assert.isAbove(passed, 50)
      assert.deepStrictEqual(
        events.filter((event) => event !== "Snapshot" && event !== "Joined"),
        [],
      )
    }),
)
