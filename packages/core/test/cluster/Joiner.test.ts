import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Joiner } from "../../src/cluster/Joiner.ts"
import { HandshakeRejected } from "../../src/link/Handshake.ts"
import type { Link } from "../../src/link/Link.ts"
import type { RejectCode } from "../../src/protocol/Frame.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"
import { initial } from "../peering/support.ts"

const link = fakeLink({ peer: record(3, "b"), session: () => ({ session: 1 }) })

/** A joiner whose dials end so, and the seeds that it kept. */
const make = (dial: Effect.Effect<Link, HandshakeRejected>, isRunning = true) => {
  const seeds: Array<string> = []
  const stopped = Deferred.makeUnsafe<void>()
  const joiner = new Joiner({
    loop: { state: () => initial },
    dialer: { join: () => dial, addSeed: (address, answeredBy) => void seeds.push(`${address} ${answeredBy}`) },
    shutdown: { isRunning, await: Deferred.await(stopped) },
    labels: { cluster: "test", node: "a" },
  })
  return { joiner, seeds, stop: () => Deferred.doneUnsafe(stopped, Effect.void) }
}

describe("a join", () => {
  it.effect("returns the peer that answered, and keeps the address as a seed", () =>
    Effect.gen(function* () {
      const { joiner, seeds } = make(Effect.succeed(link))
      const peer = yield* joiner.join("B:7946")
      assert.deepStrictEqual([peer.name, peer.generation, peer.link], ["b", 3, "up"])
      assert.deepStrictEqual(seeds, ["b:7946 b"])
    }),
  )

  it.effect("fails with InvalidAddress for what is no address", () =>
    Effect.gen(function* () {
      const { joiner } = make(Effect.never)
      const error = yield* Effect.flip(joiner.join("nowhere"))
      assert.strictEqual(error.reason._tag, "InvalidAddress")
      assert.strictEqual(error.address, "nowhere")
    }),
  )

  it.effect("fails with the code of the refusal, and keeps no seed", () =>
    Effect.gen(function* () {
      for (const [code, reason] of [
        ["label", "OtherCluster"],
        ["self", "OwnAddress"],
        ["denied", "Denied"],
        ["busy", "Denied"],
      ] as ReadonlyArray<readonly [RejectCode, string]>) {
        const { joiner, seeds } = make(Effect.fail(new HandshakeRejected({ code, message: "why", by: "them" })))
        const error = yield* Effect.flip(joiner.join("b:7946"))
        assert.strictEqual(error.reason._tag, reason)
        assert.deepStrictEqual(seeds, [])
      }
    }),
  )

  it.effect("fails with NodeStopped when the node leaves meanwhile, and when it has left before", () =>
    Effect.gen(function* () {
      const { joiner, stop } = make(Effect.never)
      const joining = yield* Effect.forkChild(Effect.flip(joiner.join("b:7946")), { startImmediately: true })
      stop()
      assert.strictEqual((yield* Fiber.join(joining)).reason._tag, "NodeStopped")
      const gone = make(Effect.succeed(link), false)
      gone.stop()
      assert.strictEqual((yield* Effect.flip(gone.joiner.join("b:7946"))).reason._tag, "NodeStopped")
      assert.deepStrictEqual(gone.seeds, [])
    }),
  )
})
