/**
 * The join of the application: an address as text, the dial, and the peer that answered there.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Address from "../Address.ts"
import { InvalidAddress, JoinError, NodeStopped } from "../ClusterError.ts"
import type { Peer } from "../Peer.ts"
import type { Dialer } from "../peering/Dialer.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { Labels } from "./Metrics.ts"
import { refusalReason } from "./refusals.ts"
import type { Shutdown } from "./Shutdown.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state">
  readonly dialer: Pick<Dialer, "addSeed" | "join">
  readonly shutdown: Pick<Shutdown, "await" | "isRunning">
  readonly labels: Labels
}

export class Joiner {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Dials the address until a peer answers, and keeps it as a seed. */
  join(address: string): Effect.Effect<Peer, JoinError> {
    const { labels } = this.options
    return this.dial(address).pipe(
      Effect.withSpan("Cluster.join", { attributes: { ...labels, address } }),
      // Connections that it makes outlive it, in fibers that take their annotations from here.
      Effect.annotateLogs(labels),
    )
  }

  private readonly dial = Effect.fnUntraced(function* (this: Joiner, input: string) {
    const { dialer, shutdown } = this.options
    const parsed = Address.parse(input)
    if (Result.isFailure(parsed)) {
      const reason = new InvalidAddress({ message: parsed.failure.message })
      return yield* new JoinError({ address: input, reason })
    }
    const address = parsed.success
    const stopped = Effect.andThen(shutdown.await, () =>
      Effect.fail(new JoinError({ address, reason: new NodeStopped() })),
    )
    if (!shutdown.isRunning) return yield* stopped
    const { peer } = yield* Effect.raceFirst(
      Effect.mapError(dialer.join(address), (refusal) => new JoinError({ address, reason: refusalReason(refusal) })),
      stopped,
    )
    const { body, generation, name } = peer
    dialer.addSeed(address, name)
    yield* Effect.annotateCurrentSpan({ peer: name, generation })
    const { addresses, metadata } = body
    const known: Peer | undefined = this.options.loop.state().view.peers.get(name)
    return known ?? ({ name, generation, status: "alive", link: "up", addresses, metadata } satisfies Peer)
  })
}
