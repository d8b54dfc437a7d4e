/** Options about strangers, as the parts of a transport use them. */
import type * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Exclusions } from "../dial/Exclusions.ts"
import * as Lists from "../networks/Networks.ts"
import type { GateOptions } from "./Gate.ts"
import { KnownHosts } from "./KnownHosts.ts"
import { listenError } from "./listen.ts"
import * as Strangers from "./strangers.ts"

export interface GuardOptions {
  readonly networks?: Strangers.Networks | undefined
  readonly strangers?: Partial<Strangers.ProofStrangers> | undefined
}

export interface Guard {
  /** What a dial needs. */
  readonly exclusions: Exclusions
  readonly known: KnownHosts
  /** What a server needs. Fails as `listen` if an option is wrong. */
  readonly gate: (handshakeMillis: number) => Effect.Effect<GateOptions, Transport.TransportError>
}

export const make = ({ networks, strangers }: GuardOptions): Guard => {
  const lists = Lists.make(networks)
  const bounds = Strangers.make(strangers)
  const known = new KnownHosts(Result.getOrElse(bounds, () => Strangers.defaults).knownHosts)
  return {
    exclusions: new Exclusions(lists),
    known,
    gate: (handshakeMillis) =>
      Effect.fromResult(
        Result.map(Result.all({ networks: lists, bounds }), (found) => ({ ...found, known, handshakeMillis })),
      ).pipe(Effect.catch((message) => listenError(message))),
  }
}
