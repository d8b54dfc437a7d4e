/** Makes inspections of a node (`cluster.inspect`). Holds only the times of the start: all else is read on demand. */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import type * as FailureDetector from "../FailureDetector.ts"
import type * as Inspection from "../Inspection.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { Link } from "../link/Link.ts"
import * as Member from "../membership/Member.ts"
import type * as State from "../membership/State.ts"
import type { Dialer } from "../peering/Dialer.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { ObservedHosts } from "../peering/ObservedHosts.ts"
import { type DialedAddress, inspectAddress, inspectDial, inspectLink, linkedAddresses } from "./inspections.ts"
import * as Queues from "./queues.ts"
import type { SeedOutcomes } from "./SeedOutcomes.ts"
import * as Self from "./Self.ts"
import type { StatusTracker } from "./StatusTracker.ts"

/**
 * Time for which an inspection waits for the answers to its Pings, in milliseconds. Enough for every network in which
 * the default policy finds a live peer alive, and a person waits for it.
 */
export const pingTimeout = 1_000

export interface Options extends Queues.Sources {
  readonly cluster: string
  readonly detector: FailureDetector.Policy
  readonly loop: Pick<MembershipLoop, "state" | "waiting" | "largestShare">
  readonly links: Pick<LinkManager, "all" | "current" | "gauges">
  readonly dialer: Pick<Dialer, "failureOf" | "joins">
  readonly outcomes: Pick<SeedOutcomes, "list">
  readonly status: Pick<StatusTracker, "status" | "everLinked">
  readonly observedHosts: Pick<ObservedHosts, "list">
  readonly clock: Clock
}

export class Inspector {
  private readonly options: Options
  private readonly startedAt: number
  /** Time of the start on the monotonic clock, in milliseconds. */
  private readonly startedMonotonic: number

  constructor(options: Options) {
    this.options = options
    this.startedAt = options.clock.currentTimeMillisUnsafe()
    this.startedMonotonic = this.now()
  }

  /** Returns a copy of all that the node knows at this moment. */
  inspect({ ping = false }: Inspection.Options = {}): Effect.Effect<Inspection.Inspection> {
    const look = Effect.sync(() => this.look())
    return ping ? Effect.andThen(this.ping, look) : look
  }

  /** Measures the round-trip time of each link without a recent sample. The Pings of all links leave at once. */
  private readonly ping: Effect.Effect<void> = Effect.suspend(() =>
    Effect.asVoid(
      Effect.timeoutOption(
        Effect.forEach([...this.options.links.all()], (link) => link.measureRtt(), {
          concurrency: "unbounded",
          discard: true,
        }),
        pingTimeout,
      ),
    ),
  )

  private look(): Inspection.Inspection {
    const { clock, limits, links, loop, status } = this.options
    const state = loop.state()
    const { health, lost, partition, view, viewHash } = state
    return {
      self: this.inspectSelf(state),
      status: status.status,
      startedAt: this.startedAt,
      uptimeMillis: this.now() - this.startedMonotonic,
      wallTime: clock.currentTimeMillisUnsafe(),
      everLinked: status.everLinked,
      isolated: view.isolated,
      partition: partition === undefined ? undefined : [...lost.keys()],
      viewHash,
      viewVersion: view.version,
      localHealth: health,
      lagMillis: Queues.most(links, ({ lag }) => lag),
      failureDetector: inspectDetector(this.options.detector),
      queues: Queues.ofNode.map(({ limit, name, read }) => ({ name, size: read(this.options), limit: limit(limits) })),
      peers: Array.from(state.members.values(), (member) => this.inspectPeer(member)),
      addresses: this.inspectAddresses(state),
    }
  }

  private inspectSelf(state: State.State): Inspection.SelfInspection {
    const { body, incarnation } = state.self
    return {
      ...Self.describe(state, this.options.observedHosts),
      cluster: this.options.cluster,
      incarnation,
      protocol: { min: body.versionMin, max: body.versionMax },
      features: body.features,
    }
  }

  private inspectPeer(member: Member.Member): Inspection.PeerInspection {
    const { disconnected, lastReachedBy, record, standing } = member
    const now = this.now()
    const link = this.linkOf(member)
    const suspicion = Member.isActive(member) ? Member.suspicionOf(member) : undefined
    const failure = link === undefined ? this.options.dialer.failureOf(record) : undefined
    const isIndirect = link === undefined && Member.linkState(member) === "indirect"
    return {
      ...Member.describe(record),
      status: disconnected ? "disconnected" : Member.localStatus(member),
      // The membership learns of a lost link a moment later.
      link: link !== undefined ? "up" : isIndirect ? "indirect" : "down",
      incarnation: record.incarnation,
      through: isIndirect ? lastReachedBy : undefined,
      suspicion:
        suspicion === undefined
          ? undefined
          : { forMillis: now - suspicion.since, accusers: [...suspicion.accusers.keys()] },
      failedForMillis: standing._tag === "Failed" ? now - standing.failedAt : undefined,
      dial: failure === undefined ? undefined : inspectDial(failure, now),
      connection: link === undefined ? undefined : inspectLink(link, this.options.limits, now),
    }
  }

  private inspectAddresses(state: State.State): ReadonlyArray<Inspection.AddressInspection> {
    const linked = Array.from(state.members.values()).filter((member) => this.linkOf(member) !== undefined)
    const names = linkedAddresses(linked)
    const isLinked = new Set(linked.map(({ record }) => record.name))
    const peerAt = (address: Address, answeredBy: string | undefined): string | undefined =>
      names.get(address) ?? (answeredBy !== undefined && isLinked.has(answeredBy) ? answeredBy : undefined)
    const now = this.now()
    return Array.from(this.dialedAddresses(), (dialed) =>
      inspectAddress(dialed, peerAt(dialed.address, dialed.outcome?.answeredBy), now),
    )
  }

  /** Yields each address that the node dials once. */
  private *dialedAddresses(): Iterable<DialedAddress> {
    const { dialer, outcomes } = this.options
    const seen = new Set<Address>()
    for (const dialed of outcomes.list()) {
      seen.add(dialed.address)
      yield dialed
    }
    for (const { address, failure } of dialer.joins.list()) {
      const outcome = failure === undefined ? undefined : { ...failure, answeredBy: undefined }
      if (!seen.has(address)) yield { address, source: "join", outcome }
    }
  }

  /** Returns the open link to the generation of the member, if the membership knows the link. */
  private linkOf(member: Member.Member): Link | undefined {
    if (!Member.isLinked(member)) return undefined
    const link = this.options.links.current(member.record.name)
    return link?.peer.generation === member.record.generation ? link : undefined
  }

  private now(): number {
    return monotonicMillis(this.options.clock)
  }
}

const inspectDetector = (detector: FailureDetector.Policy): Inspection.FailureDetectorInspection => ({
  heartbeatMillis: Duration.toMillis(detector.heartbeat),
  idleHeartbeatMillis: Duration.toMillis(detector.idleHeartbeat),
  watchers: detector.watchers,
  linkTimeoutMillis: Duration.toMillis(detector.linkTimeout),
  probeTimeoutMillis: Duration.toMillis(detector.probeTimeout),
  suspicionMinMillis: Duration.toMillis(detector.suspicionMin),
  suspicionMaxMillis: Duration.toMillis(detector.suspicionMax),
})
