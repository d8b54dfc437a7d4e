import * as Effect from "effect/Effect"
import type { Link, Rank, Session } from "../../src/link/Link.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { emptyBody } from "../../src/protocol/PeerRecord.ts"

export const record = (generation: number, name = "peer"): PeerRecord => ({
  name,
  generation,
  incarnation: 0,
  status: "alive",
  body: emptyBody,
})

/** A link that does nothing. */
export const fakeLink = (options: {
  readonly peer: PeerRecord
  readonly session: () => Session
  readonly rank?: Rank
  readonly close?: Link["close"]
  readonly isOpen?: Link["isOpen"]
}): Link => ({
  peer: options.peer,
  rank: options.rank ?? { epoch: 0, byLower: false },
  openedAt: 0,
  session: options.session,
  send: () => undefined,
  inbox: { tryOffer: () => true, offer: () => Effect.void },
  lane: () => undefined,
  lanesKnown: () => undefined,
  openLanes: () => undefined,
  closeLane: () => undefined,
  close: options.close ?? (() => undefined),
  cut: () => undefined,
  pingNow: () => undefined,
  heardAgo: () => 0,
  isOpen: options.isOpen ?? (() => true),
  gauges: () => ({ control: 0, data: 0, inbox: 0, lane: 0, lag: 0, lastHeard: 0, viewHash: 0n }),
  run: () => Effect.void,
})
