/**
 * The policy of who may be a peer: asked with what a peer says in its handshake, before anything about
 * it is stored. Label, version and all limits are checked before it is asked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

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

/** The policy in use; it admits everybody unless a layer says otherwise. */
export const Admission = Context.Reference<Policy>("@coterie/core/Admission", {
  defaultValue: () => () => Effect.succeed(admit),
})

export const layer = (policy: Policy): Layer.Layer<never> => Layer.succeed(Admission, policy)
