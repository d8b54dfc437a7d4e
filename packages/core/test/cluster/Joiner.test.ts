import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { Joiner } from "../../src/cluster/Joiner.ts"
import { HandshakeRejected } from "../../src/link/Handshake.ts"
import type { Link } from "../../src/link/Link.ts"
import type { RejectCode } from "../../src/protocol/Frame.ts"
import { fakeLink, record } from "../peering/fakeLink.ts"
import { initial } from "../peering/support.ts"

const link = fakeLink({ peer: record(3, "b"), session: () => ({ session: 1 }) })

type Dial = Effect.Effect<Link, HandshakeRejected>

/** Makes a joiner with the given outcomes of dials, and collects the seeds that it kept. */
const make = (dial: Dial | ((address: string) => Dial), isRunning = true) => {
  const seeds: Array<string> = []
  const dialed: Array<string> = []
  const stopped = Deferred.makeUnsafe<void>()
  const joiner = new Joiner({
    loop: { state: () => initial },
    dialer: {
      join: (address) => {
        dialed.push(address)
        return typeof dial === "function" ? dial(address) : dial
      },
      addSeed: (address, answeredBy) => void seeds.push(`${address} ${answeredBy}`),
    },
    shutdown: { isRunning, await: Deferred.await(stopped) },
    labels: { cluster: "test", node: "a" },
    inNodeContext: (effect) => effect,
  })
  return { joiner, seeds, dialed, stop: () => Deferred.doneUnsafe(stopped, Effect.void) }
}

const refused = (code: RejectCode, message = "why") => Effect.fail(new HandshakeRejected({ code, message, by: "them" }))

describe("a join", () => {
  it.effect("returns the peer that answered, and keeps the address as a seed", () =>
    Effect.gen(function* () {
      const { joiner, seeds } = make(Effect.succeed(link))
      const peer = yield* joiner.join("B")
      assert.deepStrictEqual([peer.name, peer.generation, peer.link], ["b", 3, "up"])
      assert.deepStrictEqual(seeds, ["b:24868 b"])
    }),
  )

  it.effect("fails with InvalidAddress for a text that is not an address", () =>
    Effect.gen(function* () {
      const { joiner } = make(Effect.never)
      const error = yield* Effect.flip(joiner.join("no where"))
      assert.strictEqual(error.reason._tag, "InvalidAddress")
      assert.strictEqual(error.address, "no where")
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
        const { joiner, seeds } = make(refused(code))
        const error = yield* Effect.flip(joiner.join("b"))
        assert.strictEqual(error.reason._tag, reason)
        assert.deepStrictEqual(seeds, [])
      }
    }),
  )

  it.effect("fails with NodeStopped when the node leaves during the join, and when it has left before", () =>
    Effect.gen(function* () {
      const { joiner, stop } = make(Effect.never)
      const joining = yield* Effect.forkChild(Effect.flip(joiner.join("b")), { startImmediately: true })
      stop()
      assert.strictEqual((yield* Fiber.join(joining)).reason._tag, "NodeStopped")
      const gone = make(Effect.succeed(link), false)
      gone.stop()
      assert.strictEqual((yield* Effect.flip(gone.joiner.join("b"))).reason._tag, "NodeStopped")
      assert.deepStrictEqual(gone.seeds, [])
    }),
  )
})

describe("a join of several addresses", () => {
  it.effect("succeeds with the first address that answers, and keeps it and the unanswered addresses as seeds", () =>
    Effect.gen(function* () {
      const { joiner, seeds } = make((address) => {
        if (address === "b:1") return Effect.succeed(link)
        return address === "c:1" ? refused("self") : Effect.never
      })
      const peer = yield* joiner.join(["dead:1", "c:1", "B:1", "b:1", "later:1"])
      assert.strictEqual(peer.name, "b")
      assert.deepStrictEqual(seeds, ["b:1 b", "dead:1 undefined", "later:1 undefined"])
    }),
  )

  it.effect(
    "logs an address that refused permanently, with the text of the peer, although another address answered",
    () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
        const { joiner } = make((address) => {
          if (address === "b:1") return Effect.succeed(link)
          return address === "self:1" ? refused("self") : refused("label", 'this is the cluster "blue"')
        })
        yield* Effect.provide(joiner.join(["self:1", "blue:1", "b:1"]), Logger.layer([logger]))
        assert.deepStrictEqual(lines, [
          'joined b, but cannot join blue:1: the peer belongs to another cluster (option "cluster"): the peer says: this is the cluster "blue"',
        ])
      }),
  )

  it.effect("fails when every address has refused permanently, with the error of each, and keeps no seed", () =>
    Effect.gen(function* () {
      const { joiner, seeds } = make((address) => refused(address === "c:1" ? "label" : "self"))
      const error = yield* Effect.flip(joiner.join(["b:1", "c:1"]))
      if (error.reason._tag !== "AllRefused") return assert.fail(error.message)
      assert.deepStrictEqual(
        error.reason.refusals.map(({ address, reason }) => `${address} ${reason._tag}`),
        ["b:1 OwnAddress", "c:1 OtherCluster"],
      )
      assert.include(
        error.message,
        "cannot join b:1, c:1: b:1: this node itself listens at the address; c:1: the peer belongs",
      )
      assert.deepStrictEqual(seeds, [])
    }),
  )

  it.effect("fails with InvalidAddress before any dial if one text is not an address, or if the list is empty", () =>
    Effect.gen(function* () {
      const { dialed, joiner } = make(Effect.succeed(link))
      const error = yield* Effect.flip(joiner.join(["b:1", "no where"]))
      assert.deepStrictEqual([error.reason._tag, error.address], ["InvalidAddress", "no where"])
      assert.strictEqual((yield* Effect.flip(joiner.join([]))).reason._tag, "InvalidAddress")
      assert.deepStrictEqual(dialed, [])
    }),
  )
})
