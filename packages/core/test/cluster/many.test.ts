/** Many nodes that start at the same time, over real sockets. */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as World from "./world.ts"

/** Counts listeners, sockets and timers. */
const open = (): Record<string, number> => {
  const { TCPServerWrap = 0, TCPSocketWrap = 0, Timeout = 0 } = World.handles()
  return { TCPServerWrap, TCPSocketWrap, Timeout }
}

/**
 * Policies that tolerate a slow machine, because no node fails in this test: ten nodes in one process share its time,
 * also for their handshakes.
 */
const patient = Layer.merge(FailureDetector.layerWan, Reconnect.layer(Schedule.spaced("100 millis")))

it.live("ten nodes that join one seed at once have one link per pair, and leave no socket, timer or fiber open", () =>
  Effect.gen(function* () {
    const before = open()
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`)
    const fibers = World.countFibers()
    const { node } = yield* World.tcp
    yield* fibers.within(
      Effect.scoped(
        Effect.gen(function* () {
          const seed = yield* node("n0", {}, patient)
          const others = yield* Effect.forEach(
            names.slice(1),
            (name) => Effect.tap(node(name, {}, patient), ({ cluster }) => cluster.join(seed.address)),
            { concurrency: "unbounded" },
          )
          const nodes = [seed, ...others]
          for (const [i, each] of nodes.entries()) {
            yield* World.untilPeers(
              each,
              names.filter((_, other) => other !== i),
            )
          }
          // Connections that lost a simultaneous dial are first read to their end. Then one socket per end and pair is
          // left.
          const pairs = (10 * 9) / 2
          yield* World.eventually(() => open().TCPSocketWrap === (before.TCPSocketWrap ?? 0) + 2 * pairs)
          assert.strictEqual(open().TCPServerWrap, (before.TCPServerWrap ?? 0) + 10)
          const report = yield* seed.cluster.broadcast("hello, all")
          assert.strictEqual(report.sent.length, 9)
          for (const each of others) assert.strictEqual((yield* World.messages(each, 1))[0]?.text, "hello, all")
        }),
      ),
    )
    // Sockets close in the background.
    yield* World.eventually(() => fibers.alive() === 0 && JSON.stringify(open()) === JSON.stringify(before))
  }),
)
