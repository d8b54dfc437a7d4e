/** Implements `join`: parses the addresses, dials them, and returns the first peer that answers. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Address from "../Address.ts"
import { AllRefused, InvalidAddress, JoinError, NodeStopped } from "../ClusterError.ts"
import type { Link } from "../link/Link.ts"
import type { Peer } from "../Peer.ts"
import type { Dialer } from "../peering/Dialer.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { Labels } from "./Metrics.ts"
import type { InNodeContext } from "./nodeContext.ts"
import { parseAddresses } from "./parseAddresses.ts"
import { refusalReason, type RefusalReason } from "./refusals.ts"
import type { Shutdown } from "./Shutdown.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state">
  readonly dialer: Pick<Dialer, "addSeed" | "join">
  readonly shutdown: Pick<Shutdown, "await" | "isRunning">
  readonly labels: Labels
  readonly inNodeContext: InNodeContext
}

export class Joiner {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /**
   * Dials all addresses until a peer answers. Keeps the address of that peer, and the addresses that have not answered
   * yet, as seeds. Fails once every address has refused permanently.
   */
  join(addresses: string | ReadonlyArray<string>): Effect.Effect<Peer, JoinError> {
    const { inNodeContext, labels } = this.options
    const inputs = typeof addresses === "string" ? [addresses] : addresses
    const attributes = { ...labels, address: inputs.join(", ") }
    return Effect.useSpan("Cluster.join", { attributes }, (span) =>
      // The log lines of the join are those of the node. The connections, which outlive the join, do not get its span.
      inNodeContext(Effect.withParentSpan(this.dial(inputs), span)),
    )
  }

  private readonly dial = Effect.fnUntraced(function* (this: Joiner, inputs: ReadonlyArray<string>) {
    const { dialer, loop, shutdown } = this.options
    const addresses = yield* Effect.fromResult(parse(inputs))
    const stopped = Effect.andThen(shutdown.await, () =>
      Effect.fail(new JoinError({ address: addresses.join(", "), reason: new NodeStopped() })),
    )
    if (!shutdown.isRunning) return yield* stopped
    const { address, link, refusals } = yield* Effect.raceFirst(this.dialAll(addresses), stopped)
    const { body, generation, name } = link.peer
    dialer.addSeed(address, name)
    for (const other of addresses) {
      if (other !== address && !refusals.has(other)) dialer.addSeed(other)
    }
    yield* warnOf(refusals, name)
    yield* Effect.annotateCurrentSpan({ peer: name, generation })
    const { addresses: advertised, metadata } = body
    const known: Peer | undefined = loop.state().view.peers.get(name)
    return known ?? ({ name, generation, status: "alive", link: "up", addresses: advertised, metadata } satisfies Peer)
  })

  /**
   * Dials all addresses at once, so that one that never answers does not delay the others. `limits.dials` bounds the
   * connections. Returns the first link, and the refusals until then.
   */
  private dialAll(addresses: ReadonlyArray<Address.Address>): Effect.Effect<Reached, JoinError> {
    return Effect.suspend(() => {
      const refusals = new Map<Address.Address, RefusalReason>()
      return Effect.raceAllFirst(
        addresses.map((address) =>
          this.options.dialer.join(address).pipe(
            Effect.map((link): Reached => ({ address, link, refusals })),
            Effect.catch((error) => {
              refusals.set(address, refusalReason(error))
              return refusals.size === addresses.length ? Effect.fail(allRefused(refusals)) : Effect.never
            }),
          ),
        ),
      )
    })
  }
}

interface Reached {
  readonly address: Address.Address
  readonly link: Pick<Link, "peer">
  /** Addresses that refused permanently. */
  readonly refusals: ReadonlyMap<Address.Address, RefusalReason>
}

/** Returns the addresses in canonical form without duplicates. */
const parse = (inputs: ReadonlyArray<string>): Result.Result<ReadonlyArray<Address.Address>, JoinError> => {
  const { addresses, problems } = parseAddresses(inputs)
  const bad = (address: string, message: string) =>
    Result.fail(new JoinError({ address, reason: new InvalidAddress({ message }) }))
  for (const { input, message } of problems) return bad(input, message)
  if (addresses.length === 0) return bad("", "the list of addresses is empty")
  return Result.succeed([...new Set(addresses)])
}

/** Returns the error of a join after every address has refused. */
const allRefused = (refusals: ReadonlyMap<string, RefusalReason>): JoinError => {
  const list = Array.from(refusals, ([address, reason]) => ({ address, reason }))
  const [first, ...others] = list
  if (first !== undefined && others.length === 0) return new JoinError(first)
  return new JoinError({
    address: list.map(({ address }) => address).join(", "),
    reason: new AllRefused({ refusals: list }),
  })
}

/**
 * Logs the addresses that refused permanently, because a successful join does not report them. A list may include the
 * address of this node, which is not logged.
 */
const warnOf = (refusals: ReadonlyMap<string, RefusalReason>, joined: string): Effect.Effect<void> =>
  Effect.forEach(
    refusals,
    ([address, reason]) =>
      reason._tag === "OwnAddress"
        ? Effect.void
        : Effect.logWarning(`joined ${joined}, but cannot join ${address}: ${reason.message}`),
    { discard: true },
  )
