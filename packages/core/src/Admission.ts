/**
 * The policy of who may be a peer: asked with what a peer says in its handshake, before anything about
 * it is stored. Label, version and all limits are checked before it is asked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { policyLayer } from "./internal/policyLayer.ts"

/** A peer that wants a link, or that answered at an address that was dialed. */
export interface Applicant {
  readonly name: string
  readonly generation: number
  readonly metadata: Readonly<Record<string, string>>
  /** Host at the other end of the connection, as the network reports it. */
  readonly remoteHost: string
}

/** The answer; the reason of a denial is told to the peer. */
export type Verdict = { readonly _tag: "Admit" } | { readonly _tag: "Deny"; readonly reason: string }

export const admit: Verdict = { _tag: "Admit" }

export const deny = (reason: string): Verdict => ({ _tag: "Deny", reason })

export type Policy = (applicant: Applicant) => Effect.Effect<Verdict>

/** Admits everybody. */
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

/** The policy in use; it admits everybody unless a layer says otherwise. */
export const Admission = Context.Reference<Policy>("@coterie/core/Admission", {
  defaultValue: () => admitAll,
})

export const layer = (policy: Policy): Layer.Layer<Admission> => provide(Admission, policy)

const provide = policyLayer<Admission>()
