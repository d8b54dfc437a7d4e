/** Nodes with a secret on real sockets, their traffic, and their connections by key. */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { counted, OpenProofs, until } from "./rotation.ts"

export { until } from "./rotation.ts"

export type Secrets = readonly [Redacted.Redacted<string>, ...Array<Redacted.Redacted<string>>]

/** Keys of the connections that are open in all nodes, each end counted. */
export class OpenKeys {
  readonly proofs = new OpenProofs((identity) => (identity._tag === "Secret" ? identity.key : identity._tag))

  /** Number of connections without a proof. */
  get plain(): number {
    return this.proofs.count("none")
  }

  count(secret: Redacted.Redacted<string>): number {
    return this.proofs.count(Result.getOrThrow(Keyring.idOf(secret)))
  }
}

export interface Options {
  readonly name: string
  readonly secrets: Secrets
  readonly seeds?: ReadonlyArray<string>
  readonly open?: OpenKeys
  /** Address to which the dials to an address lead. */
  readonly lead?: (address: Address.Address) => Address.Address
  readonly transport?: NodeTransport.SecretOptions
  /** `true` for a node of plain TCP, without a secret. */
  readonly plain?: boolean
  readonly tracing?: boolean
}

/** Leads dials to an address elsewhere. */
const led = (lead: (address: Address.Address) => Address.Address) =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ connect, listen }) => ({
      connect: (address) => connect(lead(address)),
      listen,
    })),
  )

/** Starts a node, until the scope closes or it is stopped. */
export const start = (options: Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const keyring = yield* Keyring.make(options.secrets)
    const real =
      options.plain === true
        ? NodeTransport.layerTcp({ port: 0 })
        : NodeTransport.layerSecret({ port: 0, ...options.transport })
    const { lead = (address) => address, open = new OpenKeys() } = options
    const transport = counted(open.proofs).pipe(
      Layer.provide(led(lead)),
      Layer.provide(real),
      Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)),
    )
    const { name, seeds = [], tracing = false } = options
    const layer = Cluster.layer({ cluster: "secrets", name, seeds, tracing })
    const cluster = yield* Layer.build(Layer.provide(layer, transport)).pipe(
      Effect.map(Context.get(Cluster.Cluster)),
      Scope.provide(scope),
    )
    const [address] = (yield* cluster.self).addresses
    if (address === undefined) return yield* Effect.die("a node has an address")
    const events: Array<string> = []
    yield* Stream.runForEach(Stream.drop(cluster.events, 1), (event) =>
      Effect.sync(() => {
        events.push(
          "peer" in event
            ? `${event._tag} ${event.peer.name}`
            : "reason" in event
              ? `${event._tag} ${event.reason}`
              : event._tag,
        )
      }),
    ).pipe(Effect.forkScoped, Scope.provide(scope))
    return {
      address,
      cluster,
      /** Events after the first one: the tag, and the name of the peer or the reason. */
      events,
      keyring,
      name,
      stop: Scope.close(scope, Exit.void),
    }
  })

export type Node = Effect.Success<ReturnType<typeof start>>

/** Tests whether a node has a link to each of the others. */
export const hasLinks = ({ cluster, name }: Node, others: ReadonlyArray<Node>): boolean =>
  others.every((other) => other.name === name || cluster.viewUnsafe().peers.get(other.name)?.link === "up")

/** Waits until all nodes have links to each other. */
export const linked = (nodes: ReadonlyArray<Node>): Effect.Effect<void> =>
  until(() => nodes.every((node) => hasLinks(node, nodes)))
