/**
 * The admission policy: decides which peers may connect. The node asks the policy with the claims of a peer in its
 * handshake, before it stores anything about the peer. The node has already checked the label, the version and all
 * limits.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { policyLayer } from "./internal/policyLayer.ts"
import type { Identity } from "./Transport.ts"

/**
 * A peer that dialed this node, or that answered at an address that this node dialed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Applicant {
  /** Name that the peer claims. */
  readonly name: string
  /** Generation that the peer claims, at most a day ahead of the clock of this node. */
  readonly generation: number
  /** Metadata of the peer, at most 8 KiB. */
  readonly metadata: Readonly<Record<string, string>>
  /** Host at the other end of the connection, as the network reports it. */
  readonly remoteHost: string
  /** Proof of the peer, as the transport reports it; `undefined` if the transport requires none. */
  readonly identity: Identity | undefined
}

/**
 * Decision of the policy. The reason of a denial is sent to a peer that dialed this node.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = { readonly _tag: "Admit" } | { readonly _tag: "Deny"; readonly reason: string }

/**
 * Decision that admits the applicant.
 *
 * @category constructors
 * @since 0.1.0
 */
export const admit: Verdict = { _tag: "Admit" }

/**
 * Denies the applicant. A peer that dialed this node receives the reason as the text of its `Denied`. A peer that this
 * node dialed only sees the connection end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deny = (reason: string): Verdict => ({ _tag: "Deny", reason })

/**
 * Decides whether an applicant is admitted. Runs at most once for each handshake, after the checks of the protocol,
 * within `limits.handshakeTimeout`.
 *
 * @category models
 * @since 0.1.0
 */
export type Policy = (applicant: Applicant) => Effect.Effect<Verdict>

/**
 * Admits every applicant. This is the default.
 *
 * @category policies
 * @since 0.1.0
 */
export const admitAll: Policy = () => Effect.succeed(admit)

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<Admission>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface Admission {
  readonly policy: "Admission"
}

/**
 * The policy in use. Defaults to {@link admitAll}.
 *
 * @category services
 * @since 0.1.0
 */
export const Admission = Context.Reference<Policy>("@coterie/core/Admission", {
  defaultValue: () => admitAll,
})

/**
 * Uses a policy for every handshake of the node, dialed and accepted.
 *
 * **Example** (Admit peers by their names)
 *
 * ```ts
 * import { Admission, Cluster } from "@coterie/core"
 * import { Effect } from "effect"
 *
 * const webOnly = Admission.layer(({ name }) =>
 *   Effect.succeed(name.startsWith("web-") ? Admission.admit : Admission.deny("web servers only")),
 * )
 *
 * const ClusterLive = Cluster.layer({ cluster: "shop", policies: [webOnly] })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (policy: Policy): Layer.Layer<Admission> => provide(Admission, policy)

/**
 * Admits a peer whose certificate has at least one of the names that belong to the claimed name of the peer. Denies
 * every peer that proved no certificate, also a peer that proved a secret.
 *
 * **When to use**
 *
 * Use it to tie the names of peers to certificates. Without it, each holder of a trusted certificate can claim any
 * name.
 *
 * **Details**
 *
 * `namesOf` returns DNS names or URIs. DNS names are compared in lower case, and URIs as they are. A `*` matches only a
 * `*`.
 *
 * **Example** (One SPIFFE id for each peer)
 *
 * ```ts
 * import { Admission, Cluster } from "@coterie/core"
 *
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   policies: [Admission.layerNamed((peer) => [`spiffe://example.org/coterie/shop/${peer}`])],
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNamed = (namesOf: (peer: string) => ReadonlyArray<string>): Layer.Layer<Admission> =>
  layer(({ identity, name }) =>
    Effect.sync(() => {
      if (identity?._tag !== "Certificate") return deny(`"${name}" proved no certificate`)
      const proved = new Set(identity.names.map(comparable))
      return namesOf(name).some((each) => proved.has(comparable(each)))
        ? admit
        : deny(`the certificate does not have a name that belongs to "${name}"`)
    }),
  )

/** Only URIs contain a colon, and their case matters. */
const comparable = (name: string): string => (name.includes(":") ? name : name.toLowerCase())

const provide = policyLayer<Admission>()
