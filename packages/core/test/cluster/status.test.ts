/** The status of a node: `status`, `settled`, `stopped`, and refusals that stop it (option `failOn`). */
import * as Admission from "@coterie/core/Admission"
import * as Cluster from "@coterie/core/Cluster"
import type { StoppedError } from "@coterie/core/ClusterError"
import * as Discovery from "@coterie/core/Discovery"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const scene = (title: string, body: (network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.effect(title, () =>
    Effect.flatMap(SimNetwork.make({ latency: "1 millis" }), body).pipe(Effect.scoped, VirtualTime.flow),
  )

const quick = [FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("100 millis"))] as const

/** Starts a node on a separate host. The name of the node defaults to the host. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  options: Partial<Cluster.Options> & { readonly host?: string } = {},
  policies: Layer.Layer<never> = Layer.empty,
) {
  const { host = name, ...others } = options
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Cluster.layer({ cluster: "test", name, ...others, policies: quick }).pipe(
    Layer.provide(network.transport(host)),
    Layer.provide(policies),
  )
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  return { ...cluster, stop: Scope.close(scope, Exit.void) }
})

const until = (node: Cluster.Cluster["Service"], tag: Cluster.Status["_tag"]) =>
  node.statuses.pipe(
    Stream.filter(({ _tag }) => _tag === tag),
    Stream.runHead,
    Effect.map(Option.getOrThrow),
    Effect.timeout("2 minutes"),
  )

/** Waits until the node stops, for two minutes at most, and returns its error. */
const errorOf = (node: Cluster.Cluster["Service"]) =>
  Effect.timeout(Effect.flip(node.stopped), "2 minutes") as Effect.Effect<StoppedError>

/** Waits for twenty seconds, which is many attempts, and asserts that the node runs. */
const staysUp = Effect.fnUntraced(function* (node: Cluster.Cluster["Service"]) {
  yield* Effect.sleep("20 seconds")
  assert.include(["Alone", "Member"], (yield* node.status)._tag)
})

describe("the status of a node", () => {
  scene("is alone at once if there is no address to dial", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      assert.deepInclude(yield* a.settled, { _tag: "Alone", reason: "noSeeds" })
    }),
  )

  scene("is a member when the first link is up", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", { seeds: ["nobody:1", "a"] })
      assert.deepStrictEqual(yield* b.status, { _tag: "Starting", reason: "joining" })
      assert.deepStrictEqual(yield* b.settled, { _tag: "Member", peers: 1 })
      yield* until(a, "Member")
    }),
  )

  scene("is alone with the last error when every seed was tried", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a", { seeds: ["nobody:1", "a"] })
      const status = yield* a.settled
      assert.deepInclude(status, { _tag: "Alone", reason: "unavailable" })
      assert.match(status._tag === "Alone" ? status.message : "", /^nobody:1 refused/)
    }),
  )

  scene("excludes the error of a seed that has answered since", (network) =>
    Effect.gen(function* () {
      const b = yield* start(network, "b", { seeds: ["a"] })
      assert.strictEqual((yield* b.settled)._tag, "Alone")
      const a = yield* start(network, "a")
      yield* until(b, "Member")
      yield* a.stop
      assert.deepStrictEqual(yield* until(b, "Alone"), {
        _tag: "Alone",
        reason: "unavailable",
        message: "no address leads to another node",
      })
    }),
  )

  scene("waits a limited time for the first set of the discovery", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const late = Stream.fromEffect(Effect.delay(Effect.succeed(["a"]), "3 seconds"))
      const b = yield* start(network, "b", {}, Discovery.layer(late))
      assert.strictEqual((yield* b.settled)._tag, "Member")
      const c = yield* start(network, "c", { seeds: ["nobody:1"] }, Discovery.layer(Stream.never))
      assert.strictEqual((yield* c.settled)._tag, "Alone")
    }),
  )

  scene("is isolated while it reaches no member, and a member again afterwards", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      yield* start(network, "b", { seeds: ["a"] })
      yield* start(network, "c", { seeds: ["a"] })
      yield* until(a, "Member")
      yield* network.partition(["a"], ["b", "c"])
      assert.deepInclude(yield* until(a, "Alone"), { reason: "isolated" })
      // By then the node has marked all members as failed.
      yield* Effect.sleep("1 minute")
      assert.strictEqual((yield* a.peers).length, 0)
      assert.deepInclude(yield* a.status, { _tag: "Alone", reason: "isolated" })
      yield* network.heal
      yield* until(a, "Member")
    }),
  )

  scene("is leaving and then stopped at the end of its stream", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      yield* start(network, "b", { seeds: ["a"] })
      yield* until(a, "Member")
      const seen = yield* Effect.forkScoped(Stream.runCollect(a.statuses))
      yield* Effect.yieldNow
      yield* a.leave
      yield* a.stopped
      assert.deepStrictEqual(
        [...(yield* Fiber.join(seen))].map(({ _tag }) => _tag),
        ["Member", "Leaving", "Stopped"],
      )
      assert.strictEqual((yield* a.settled)._tag, "Stopped")
    }),
  )
})

describe("a node with a wrong configuration", () => {
  scene("stops if its only seed belongs to another cluster, and logs it in one line", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        if (logLevel === "Error") lines.push(String(Array.isArray(message) ? message[0] : message))
      })
      yield* start(network, "a")
      const b = yield* Effect.provide(start(network, "b", { cluster: "other", seeds: ["a"] }), Logger.layer([logger]))
      const error = yield* errorOf(b)
      assert.strictEqual(error.reason._tag, "OtherCluster")
      assert.strictEqual(error.address, "a:24868")
      assert.strictEqual(yield* Effect.flip(b.settled), error)
      assert.deepStrictEqual(yield* b.status, { _tag: "Stopped", error })
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], 'option "cluster"')
    }),
  )

  scene("stops for such a seed if its own address is the only other seed", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const b = yield* start(network, "b", { cluster: "other", seeds: ["b", "a"] })
      const error = yield* errorOf(b)
      assert.strictEqual(error.reason._tag, "OtherCluster")
      assert.strictEqual(error.address, "a:24868")
    }),
  )

  scene("continues if a seed of another cluster is one of several, which may be down", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", { cluster: "other" })
      const b = yield* start(network, "b", { seeds: ["a", "c"] })
      yield* staysUp(b)
      yield* start(network, "c")
      yield* until(b, "Member")
      yield* staysUp(b)
    }),
  )

  scene("continues if its peers are lost and only a seed of another cluster answers", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", { cluster: "other" })
      const c = yield* start(network, "c")
      const sets = Stream.concat(
        Stream.succeed(["c"]),
        Stream.fromEffect(Effect.delay(Effect.succeed(["a"]), "2 seconds")),
      )
      const b = yield* start(network, "b", {}, Discovery.layer(sets))
      yield* until(b, "Member")
      yield* c.stop
      yield* staysUp(b)
      const status = yield* b.status
      assert.include(status._tag === "Alone" ? status.message : "", 'this is the cluster "other"')
    }),
  )

  scene("stops if a running node uses its name", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", { host: "one" })
      const second = yield* start(network, "a", { host: "two", seeds: ["one", "nobody:1"] })
      assert.strictEqual((yield* errorOf(second)).reason._tag, "DuplicateName")
    }),
  )

  scene("continues if the namesake ends within a link timeout, like a predecessor", (network) =>
    Effect.gen(function* () {
      const first = yield* start(network, "a", { host: "one" })
      const second = yield* start(network, "a", { host: "two", seeds: ["one"] })
      yield* Effect.sleep("200 millis")
      yield* first.stop
      yield* staysUp(second)
      yield* start(network, "b", { host: "one" })
      yield* until(second, "Member")
    }),
  )

  scene("stops for a namesake that took its name in the cluster", (network) =>
    Effect.gen(function* () {
      const first = yield* start(network, "a", { host: "one", seeds: ["c"] })
      yield* start(network, "c")
      yield* until(first, "Member")
      yield* start(network, "a", { host: "two", seeds: ["c"] })
      assert.strictEqual((yield* errorOf(first)).reason._tag, "Superseded")
    }),
  )

  scene(
    "replaces a predecessor that is about to end if it reaches another member, and the predecessor stops",
    (network) =>
      Effect.gen(function* () {
        const old = yield* start(network, "a", { host: "one", seeds: ["c"] })
        yield* start(network, "c")
        yield* until(old, "Member")
        const next = yield* start(network, "a", { host: "two", seeds: ["one", "c"] })
        assert.strictEqual((yield* errorOf(old)).reason._tag, "Superseded")
        yield* staysUp(next)
        assert.strictEqual((yield* next.status)._tag, "Member")
      }),
  )

  scene("waits for a predecessor that is about to end if failOn excludes duplicate", (network) =>
    Effect.gen(function* () {
      const old = yield* start(network, "a", { host: "one" })
      const next = yield* start(network, "a", { host: "two", seeds: ["one", "c"], failOn: ["otherCluster"] })
      yield* staysUp(next)
      assert.strictEqual((yield* old.status)._tag, "Alone")
      yield* old.leave
      yield* start(network, "c")
      yield* until(next, "Member")
    }),
  )

  scene("stops for a denial only if the option includes it", (network) =>
    Effect.gen(function* () {
      yield* start(
        network,
        "a",
        {},
        Admission.layer(() => Effect.succeed(Admission.deny("not you"))),
      )
      const stubborn = yield* start(network, "b", { seeds: ["a"] })
      const strict = yield* start(network, "c", { seeds: ["a"], failOn: ["denied"] })
      assert.strictEqual((yield* errorOf(strict)).reason._tag, "Denied")
      yield* staysUp(stubborn)
    }),
  )

  scene("retries forever with an empty option", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const b = yield* start(network, "b", { cluster: "other", seeds: ["a"], failOn: [] })
      yield* staysUp(b)
    }),
  )
})

describe("of two isolated nodes with one name that dial each other", () => {
  /** Starts two nodes, each with its retry interval in milliseconds, and returns their statuses after a while. */
  const endsOf = Effect.fnUntraced(function* (latency: number, pause: number, intervals: readonly [number, number]) {
    const network = yield* SimNetwork.make({ latency })
    const node = (host: string, seed: string, interval: number) =>
      Cluster.layer({
        cluster: "test",
        name: "a",
        seeds: [seed],
        policies: [FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced(interval))],
      }).pipe(Layer.provide(network.transport(host)), Layer.build, Effect.map(Context.get(Cluster.Cluster)))
    const first = yield* node("one", "two", intervals[0])
    yield* Effect.sleep(pause)
    const second = yield* node("two", "one", intervals[1])
    yield* Effect.sleep("20 seconds")
    return [yield* first.status, yield* second.status] as const
  })
  const tags = (statuses: ReadonlyArray<Cluster.Status>) => statuses.map(({ _tag }) => _tag)

  const scenario = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>): void =>
    it.effect(title, () => body.pipe(Effect.scoped, VirtualTime.flow))

  // Regression: with each of these timings, both nodes stopped before the older one had priority to stop.
  for (const [latency, pause, ...intervals] of [
    [20, 30, 50, 350],
    [20, 30, 310, 700],
    [50, 5, 100, 40],
    [50, 30, 50, 200],
    [50, 30, 170, 350],
  ] as const) {
    scenario(
      `the older stops and the newer stays: latency ${latency} ms, started within ${pause} ms, dialing every ${intervals.join(" and ")} ms`,
      Effect.gen(function* () {
        const statuses = yield* endsOf(latency, pause, intervals)
        assert.deepStrictEqual(tags(statuses), ["Stopped", "Alone"])
        const [{ error }] = statuses as readonly [Extract<Cluster.Status, { readonly _tag: "Stopped" }>, unknown]
        assert.strictEqual(error?.reason._tag, "DuplicateName")
      }),
    )
  }

  scenario(
    "one stays if both start in the same millisecond",
    Effect.gen(function* () {
      for (const intervals of [
        [50, 200],
        [100, 260],
        [310, 90],
      ] as const) {
        // The instances, which are random, order the two.
        assert.sameMembers(tags(yield* endsOf(50, 0, intervals)), ["Stopped", "Alone"])
      }
    }),
  )
})

describe("the log of a node that leaves", () => {
  scene("has one line with the reason of the leave, and one line after it", (network) =>
    Effect.gen(function* () {
      for (const way of ["leave", "stop"] as const) {
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => {
          lines.push(String(Array.isArray(message) ? message[0] : message))
        })
        const node = yield* Effect.provide(start(network, "a", { host: way }), Logger.layer([logger]))
        yield* Effect.provide(node[way], Logger.layer([logger]))
        assert.deepStrictEqual(lines.slice(1), [
          `this node leaves the cluster: ${way === "leave" ? "leave was called" : "its scope closes"}`,
          "this node has left the cluster",
        ])
      }
    }),
  )
})
