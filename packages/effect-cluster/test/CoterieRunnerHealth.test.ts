import { OptionsError } from "@coterie/core/ClusterError"
import { assert, describe, it } from "@effect/vitest"
import { RunnerHealth } from "effect/cluster/RunnerHealth"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as CoterieRunnerHealth from "../src/CoterieRunnerHealth.ts"
import { textOf } from "../src/internal/runnerAddresses.ts"
import * as Fakes from "./fakes.ts"
import { addressOf } from "./internal/peers.ts"

const [a, b, c, d] = [addressOf("a"), addressOf("b"), addressOf("c"), addressOf("d")]

type Storage = ReturnType<typeof Fakes.makeStorage>

/** Collects the messages of the log. */
const recordLog = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${(Array.isArray(message) ? message : [message]).map(String).join(" ")}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** Starts the responder of a node. */
const respond = (
  storage: Storage,
  peers: Fakes.FakePeers,
  options: CoterieRunnerHealth.ResponderOptions = {},
  config: Partial<ShardingConfig.ShardingConfig["Service"]> = {},
) =>
  Effect.gen(function* () {
    const log = recordLog()
    yield* CoterieRunnerHealth.layerResponder(options).pipe(
      Layer.provide([peers.layer, storage.layer(peers.service.self.host), ShardingConfig.layer(config), log.layer]),
      Layer.build,
    )
    return log.lines
  })

/** Runs the clock until nothing is left to do at this time. */
const settle = TestClock.adjust(0)

describe("the responder", () => {
  it.effect("marks a dead runner at once, with one query and one write", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      peers.set(c, "alive")
      const lines = yield* respond(storage, peers)
      yield* settle
      const { reads } = storage.state
      peers.set(b, "dead")
      yield* settle
      assert.deepStrictEqual(storage.writes, [["a", "b", false]])
      assert.strictEqual(storage.state.reads - reads, 1)
      assert.deepStrictEqual(lines, ["Info marked the runner b:1 as unhealthy, because its peer has failed or left"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(storage.writes.length, 1)
      assert.strictEqual(storage.state.reads - reads, 1)
    }),
  )

  it.effect("of the first node in line acts, and the next one only if the first has not", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c, d])
      const nodes = [a, b, c].map((self) => Fakes.makePeers(self))
      for (const peers of nodes) {
        for (const address of [a, b, c]) peers.set(address, "alive")
        yield* respond(storage, peers)
      }
      yield* settle
      for (const peers of nodes) peers.set(d, "dead")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(storage.writes, [["a", "d", false]])

      // The first node does not notice the next death.
      storage.flags.set(textOf(d), true)
      for (const peers of nodes.slice(1)) peers.set(d, "dead")
      yield* TestClock.adjust("199 millis")
      assert.strictEqual(storage.writes.length, 1)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(storage.writes.slice(1), [["b", "d", false]])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(storage.writes.length, 2)
    }),
  )

  it.effect("of the side without the first address waits for the tie delay", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b])
      const peers = Fakes.makePeers(b)
      yield* respond(storage, peers, { tieDelay: "3 seconds" })
      yield* settle
      peers.set(a, "dead")
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(storage.writes, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(storage.writes, [["b", "a", false]])
    }),
  )

  it.effect("does nothing if the peer is back before its turn", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b])
      const peers = Fakes.makePeers(b)
      yield* respond(storage, peers)
      yield* settle
      peers.set(a, "dead")
      yield* TestClock.adjust("500 millis")
      peers.set(a, "alive")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(storage.writes, [])
    }),
  )

  it.effect("does nothing if its node is in a minority when its turn comes", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(b)
      peers.set(a, "alive")
      yield* respond(storage, peers)
      yield* settle
      peers.set(c, "dead")
      yield* TestClock.adjust("100 millis")
      peers.set(a, "dead")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(storage.writes, [])
    }),
  )

  it.effect("of a minority marks nobody and says so once, until it is no longer a minority", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      const lines = yield* respond(storage, peers)
      yield* settle
      peers.set(b, "dead")
      peers.set(c, "dead")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(storage.writes, [])
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "reaches 1 registered runners and has lost 2")
      // The registration of one of them expires.
      storage.flags.delete(textOf(c))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(storage.writes, [["a", "b", false]])
    }),
  )

  it.effect("asks a storage that fails or hangs again, and says so once", () =>
    Effect.gen(function* () {
      for (const behaviour of ["fails", "hangs"] as const) {
        const storage = Fakes.makeStorage([a, b, c])
        const peers = Fakes.makePeers(a)
        peers.set(c, "alive")
        const lines = yield* respond(storage, peers)
        yield* settle
        storage.state.behaviour = behaviour
        peers.set(b, "dead")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(
          lines.filter((line) => line.includes("because the storage failed")).length,
          1,
          lines.join("\n"),
        )
        storage.state.behaviour = "works"
        yield* TestClock.adjust("7 seconds")
        assert.deepStrictEqual(storage.writes, [["a", "b", false]])
      }
    }),
  )

  it.effect("marks a runner that died before the node had registered", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b])
      storage.flags.delete(textOf(a))
      const peers = Fakes.makePeers(a)
      yield* respond(storage, peers)
      peers.set(b, "dead")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(storage.writes, [])
      storage.flags.set(textOf(a), true)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(storage.writes, [["a", "b", false]])
    }),
  )

  it.effect("marks the runner of its own node, and nobody else, once the node has stopped", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      peers.set(c, "alive")
      const lines = yield* respond(storage, peers)
      yield* settle
      peers.stop()
      peers.set(b, "dead")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(storage.writes, [["a", "a", false]])
      assert.include(lines.join("\n"), "Error this node is no longer a peer")
    }),
  )

  it.effect("marks nobody else if its node stops before its turn", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(b)
      peers.set(a, "alive")
      yield* respond(storage, peers)
      yield* settle
      peers.set(c, "dead")
      yield* TestClock.adjust("100 millis")
      // Its own runner cannot be marked at this moment.
      storage.state.behaviour = "fails"
      peers.stop()
      yield* TestClock.adjust("50 millis")
      storage.state.behaviour = "works"
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(storage.writes, [])
    }),
  )

  it.effect("ends with its scope without a line in the log, also while it waits for the storage", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      peers.set(c, "alive")
      const scope = yield* Scope.make()
      const lines = yield* Scope.provide(respond(storage, peers), scope)
      yield* settle
      storage.state.behaviour = "hangs"
      peers.set(b, "dead")
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.effect("warns that locks which are rows are not free when a runner is killed", () =>
    Effect.gen(function* () {
      const options = { shardLockDisableAdvisory: true }
      const lines = yield* respond(Fakes.makeStorage([a]), Fakes.makePeers(a), {}, options)
      assert.include(lines.join("\n"), "free only after 35s")
    }),
  )

  it.effect("refuses durations without an end", () =>
    Effect.gen(function* () {
      for (const option of ["stagger", "tieDelay"]) {
        const error = yield* respond(Fakes.makeStorage([a]), Fakes.makePeers(a), { [option]: "Infinity" }).pipe(
          Effect.flip,
        )
        assert.instanceOf(error, OptionsError)
        assert.strictEqual(error.option, `responder.${option}`)
      }
    }),
  )
})

describe("the health check", () => {
  const check = (storage: Storage, peers: Fakes.FakePeers) =>
    CoterieRunnerHealth.layer.pipe(
      Layer.provide([peers.layer, storage.layer(peers.service.self.host)]),
      Layer.build,
      Effect.map(Context.get(RunnerHealth)),
    )

  it.effect("finds living peers alive without a query", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b])
      const peers = Fakes.makePeers(a)
      peers.set(b, "alive")
      const { isAlive } = yield* check(storage, peers)
      storage.flags.set(textOf(b), false)
      assert.isTrue(yield* isAlive(b))
      assert.strictEqual(storage.state.reads, 0)
    }),
  )

  it.effect("finds a dead runner not alive if this node has lost fewer than it reaches", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      const { isAlive } = yield* check(storage, peers)
      peers.set(c, "alive")
      peers.set(b, "dead")
      assert.isFalse(yield* isAlive(b))
      peers.set(c, "dead")
      assert.isTrue(yield* isAlive(b))
    }),
  )

  it.effect("leaves the flag of its own runner and of unknown runners as it is", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b])
      const { isAlive } = yield* check(storage, Fakes.makePeers(a))
      for (const address of [a, b]) {
        assert.isTrue(yield* isAlive(address))
        storage.flags.set(textOf(address), false)
        assert.isFalse(yield* isAlive(address))
      }
    }),
  )

  it.effect("leaves all flags as they are in a minority, and after the node has stopped", () =>
    Effect.gen(function* () {
      const storage = Fakes.makeStorage([a, b, c])
      const peers = Fakes.makePeers(a)
      const { isAlive } = yield* check(storage, peers)
      peers.set(b, "dead")
      peers.set(c, "dead")
      storage.flags.set(textOf(c), false)
      assert.isTrue(yield* isAlive(b))
      assert.isFalse(yield* isAlive(c))

      peers.set(c, "alive")
      storage.flags.set(textOf(a), false)
      peers.stop()
      assert.isFalse(yield* isAlive(a))
      assert.isTrue(yield* isAlive(b))
      assert.isFalse(yield* isAlive(c))
    }),
  )

  it.effect("costs no runner its health if the storage fails or hangs", () =>
    Effect.gen(function* () {
      for (const behaviour of ["fails", "hangs"] as const) {
        const storage = Fakes.makeStorage([a, b])
        const peers = Fakes.makePeers(a)
        const { isAlive } = yield* check(storage, peers)
        peers.set(b, "dead")
        storage.state.behaviour = behaviour
        const answer = yield* Effect.forkScoped(isAlive(b))
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* Fiber.join(answer))
      }
    }),
  )
})
