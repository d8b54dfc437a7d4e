/**
 * Requests to any peer that serves. Picks a peer, and picks another one only if the first has certainly not carried the
 * request out.
 */
import * as Rendezvous from "@coterie/core/Rendezvous"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import { type Cause, causeOf } from "../../RequestLost.ts"
import { PickKey } from "./PickKey.ts"
import * as pickPeer from "./pickPeer.ts"
import { notServed } from "./requestErrors.ts"
import type { RoundTripTimes } from "./RoundTripTimes.ts"
import type { ServingPeers } from "./ServingPeers.ts"

/** Rule that picks a peer for each request. */
export type Rule = "leastRequests" | "nearest" | "key"

export interface Options {
  /** Name of the service. */
  readonly service: string
  readonly rule: Rule
  /** `true` if this node may be picked. */
  readonly includesSelf: boolean
  /** Maximum number of peers that get the request. */
  readonly attempts: number
  /** Time to wait for a peer that serves. */
  readonly wait: Duration.Duration
}

export interface Sources {
  readonly serving: ServingPeers
  readonly roundTrips: RoundTripTimes
  /** Returns the number of requests of this node in flight at a peer. */
  readonly inFlight: (peer: string) => number
  /** Called for a request for which no peer was found. */
  readonly onNotServed: () => void
}

/** Makes the request to a peer. */
type Attempt = (peer: pickPeer.Candidate) => Effect.Effect<void, RpcClientError>

/** A request until a peer takes it. */
interface Unsettled {
  readonly attempt: Attempt
  /** Peers that have certainly not carried the request out. */
  readonly tried: Set<string>
  /** Number of peers that got the request and refused it. */
  refused: number
  error: RpcClientError | undefined
}

/** Returns an identifier of a life of a peer. */
const lifeOf = ({ generation, name }: pickPeer.Candidate): string => `${generation} ${name}`

/**
 * Returns `true` if another peer may carry out a request that failed for this cause. The same request would fail for
 * `TooLarge` and `NodeStopped` at every peer.
 */
const isForAnother = (cause: Cause | undefined): cause is Cause =>
  cause !== undefined &&
  !cause.maybeDelivered &&
  cause.reason._tag !== "TooLarge" &&
  cause.reason._tag !== "NodeStopped"

export class AnyPeer {
  private readonly options: Options
  private readonly sources: Sources

  constructor(options: Options, sources: Sources) {
    this.options = options
    this.sources = sources
  }

  /**
   * Makes a request to a peer, and to another one after an error that rules out that the request was carried out. Fails
   * with the last error.
   */
  request(attempt: Attempt): Effect.Effect<void, RpcClientError> {
    return Effect.suspend(() => this.settle({ attempt, tried: new Set(), refused: 0, error: undefined }))
  }

  private settle(request: Unsettled): Effect.Effect<void, RpcClientError> {
    return Effect.flatMap(this.next(request), (peer) =>
      Effect.catch(request.attempt(peer), (error) => {
        const cause = causeOf(error)
        if (!isForAnother(cause)) return Effect.fail(error)
        request.tried.add(lifeOf(peer))
        request.error = error
        // A `SendError` is local and free. A refusal has cost the peer a message.
        if (cause._tag === "RequestLost") request.refused += 1
        return request.refused < this.options.attempts ? this.settle(request) : Effect.fail(error)
      }),
    )
  }

  /** Picks a peer that was not tried. Waits only if none serves. */
  private next({ error, tried }: Unsettled): Effect.Effect<pickPeer.Candidate, RpcClientError> {
    return Effect.suspend(() => {
      const all = this.sources.serving.current(this.options.includesSelf)
      const candidates = tried.size === 0 ? all : all.filter((candidate) => !tried.has(lifeOf(candidate)))
      if (isReadonlyArrayNonEmpty(candidates)) return this.pick(candidates)
      return error === undefined ? this.awaitPeer : Effect.fail(error)
    })
  }

  private get awaitPeer(): Effect.Effect<pickPeer.Candidate, RpcClientError> {
    const { includesSelf, service, wait } = this.options
    const serving = Effect.timeoutOption(this.sources.serving.await(includesSelf), wait)
    return Effect.flatMap(serving, (all) => {
      if (Option.isSome(all) && isReadonlyArrayNonEmpty(all.value)) return this.pick(all.value)
      this.sources.onNotServed()
      return Effect.fail(notServed(service, wait))
    })
  }

  private pick(candidates: NonEmptyReadonlyArray<pickPeer.Candidate>): Effect.Effect<pickPeer.Candidate> {
    const { inFlight, roundTrips, serving } = this.sources
    const leastRequests = (of: NonEmptyReadonlyArray<pickPeer.Candidate>) =>
      Effect.flatMap(Random.next, (first) =>
        Effect.map(Random.next, (second) => pickPeer.leastRequests(of, inFlight, [first, second])),
      )
    switch (this.options.rule) {
      case "leastRequests":
        return leastRequests(candidates)
      case "nearest":
        // All clients of this node share the times, so they measure the same list.
        return Effect.andThen(roundTrips.refresh(serving.current(true)), () =>
          leastRequests(pickPeer.nearest(candidates, roundTrips.of)),
        )
      case "key":
        return Effect.map(PickKey, (key) => Rendezvous.owner(candidates, key))
    }
  }
}
