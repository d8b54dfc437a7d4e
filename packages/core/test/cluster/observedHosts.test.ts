/** The host from which peers see a node (docs/operations.md, section "A NAT between nodes"). */
import type { Address } from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { FragileTransport } from "./FragileTransport.ts"
import { addressOf } from "./RawPeer.ts"

/** Starts a node with a name, and returns it with its log lines of the level Info. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  options: Cluster.Options & { readonly name: string },
  advertise: ReadonlyArray<Address> = [],
) {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    if (logLevel === "Info") lines.push(String(Array.isArray(message) ? message[0] : message))
  })
  const layer = Cluster.layer(options).pipe(
    Layer.provide(
      Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, (transport) => new FragileTransport(transport, advertise)),
      ),
    ),
    Layer.provide(network.transport(options.name)),
    Layer.provide(Logger.layer([logger])),
  )
  return { cluster: Context.get(yield* Layer.build(layer), Cluster.Cluster), lines }
})

/** Starts two nodes. `b` dials `a` and advertises these addresses. */
const dialFrom = (advertise: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "1 millis" })
    const a = yield* start(network, { cluster: "test", name: "a" })
    const [seed = ""] = (yield* a.cluster.self).addresses
    const b = yield* start(network, { cluster: "test", name: "b", seeds: [seed] }, advertise.map(addressOf))
    yield* Stream.runHead(Stream.filter(b.cluster.views, ({ peers }) => peers.get("a")?.link === "up"))
    // Another link to the same peer reports the same host.
    yield* Effect.ignore(b.cluster.disconnect("a"))
    yield* b.cluster.join(seed)
    const hints = b.lines.filter((line) => line.includes("NAT"))
    return { a, b, hints }
  })

const run = <A, E>(effect: Effect.Effect<A, E, never>) =>
  effect.pipe(Random.withSeed("observedHosts"), VirtualTime.flow)

it.effect("a node reports the host from which the peers that it dialed see it", () =>
  run(
    Effect.scoped(
      Effect.gen(function* () {
        const { a, b } = yield* dialFrom(["b"])
        assert.deepStrictEqual((yield* b.cluster.self).observedHosts, ["b"])
        assert.deepStrictEqual((yield* a.cluster.self).observedHosts, [])
      }),
    ),
  ),
)

it.effect("a node logs once that it advertises IP literals other than the host that peers see", () =>
  run(
    Effect.scoped(
      Effect.gen(function* () {
        const { hints } = yield* dialFrom(["10.0.0.5"])
        assert.strictEqual(hints.length, 1)
        assert.include(hints[0], "peers see this node at b, but it advertises 10.0.0.5:24868")
      }),
    ),
  ),
)

it.effect("a node that advertises a DNS name logs nothing", () =>
  run(
    Effect.scoped(
      Effect.gen(function* () {
        const { hints } = yield* dialFrom(["elsewhere"])
        assert.deepStrictEqual(hints, [])
      }),
    ),
  ),
)
