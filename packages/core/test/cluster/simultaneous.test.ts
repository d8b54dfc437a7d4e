/**
 * Two peers that dial each other at one moment end with one link, and what was said meanwhile is heard
 * in order and without a gap, in one session.
 */
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const rounds = 60

it.effect(
  `in ${rounds} random timings of two simultaneous dials nothing that was accepted is lost, no session ends, and one link is left`,
  () =>
    VirtualTime.flow(
      Effect.gen(function* () {
        let doubled = 0
        for (let round = 0; round < rounds; round++) {
          const max = yield* Random.nextIntBetween(1, 60)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const network = yield* SimNetwork.make({
                latency: { min: "1 millis", max: `${max} millis` },
                split: true,
              })
              const { node } = World.sim(network)
              const a = yield* node("a", { seeds: ["b:7946"] })
              const b = yield* node("b", { seeds: ["a:7946"] })

              let ended = 0
              for (const each of [a, b]) {
                const lane = yield* each.cluster.lane("any")
                yield* Effect.forkScoped(
                  Stream.runForEach(lane.read(), ({ _tag }) =>
                    Effect.sync(() => {
                      if (_tag === "SessionEnded") ended++
                    }),
                  ),
                )
              }

              /** Sends numbers from the first moment on. */
              const talk = Effect.fnUntraced(function* (from: World.Node, to: string) {
                let next = 0
                for (let i = 0; i < 200; i++) {
                  if (yield* Effect.isSuccess(from.cluster.send(to, String(next)))) next++
                  yield* Effect.sleep("1 millis")
                }
                return next
              })
              const count = (yield* Effect.all(
                [
                  World.until(a, ({ peers }) => peers.get("b")?.link === "up"),
                  World.until(b, ({ peers }) => peers.get("a")?.link === "up"),
                ].map((up, i) => Effect.andThen(up, i === 0 ? talk(a, "b") : talk(b, "a"))),
                { concurrency: "unbounded" },
              )) satisfies Array<number>
              if (a.dialed.length > 0 && b.dialed.length > 0) doubled++
              for (const [reader, sent] of [
                [b, count[0] ?? 0],
                [a, count[1] ?? 0],
              ] as const) {
                const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.take(reader.cluster.inbox, sent)))
                const received = (yield* Fiber.join(fiber)).map(({ text }) => Number(text))
                assert.deepStrictEqual(
                  received,
                  Array.from({ length: sent }, (_, i) => i),
                )
                assert.isAbove(sent, 150)
              }
              yield* Effect.sleep("3 seconds")
              assert.strictEqual(yield* network.connections("a", "b"), 1)
              assert.strictEqual(ended, 0)
              for (const each of [a, b]) assert.isAtMost(each.dialed.length, 2)
            }),
          )
        }
        assert.isAbove(doubled, rounds / 2, "both dialled")
      }).pipe(Random.withSeed("simultaneous")),
    ),
)
