/** The service for the application, on top of the parts of the node. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { NodeStopped, OptionsError, type StoppedError } from "../ClusterError.ts"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { Lane } from "../Lane.ts"
import type * as Limits from "../Limits.ts"
import type { DeadLetters } from "../messaging/DeadLetters.ts"
import type { LaneReaders } from "../messaging/LaneReaders.ts"
import type { ReadingPeers } from "../messaging/ReadingPeers.ts"
import { makeLane } from "../messaging/makeLane.ts"
import type { NodeLog } from "../NodeLog.ts"
import type { NodeMetrics } from "../NodeMetrics.ts"
import { nameOf, type PeerRef } from "../Peer.ts"
import type { Sender } from "../messaging/Sender.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { ObservedHosts } from "../peering/ObservedHosts.ts"
import { inboxName } from "../protocol/constants.ts"
import { formatProblem, nameProblem } from "../protocol/PeerName.ts"
import type * as TopicSerialization from "../TopicSerialization.ts"
import { Components } from "./Components.ts"
import type { EventHub } from "./EventHub.ts"
import type { Inspector } from "./Inspector.ts"
import type { Joiner } from "./Joiner.ts"
import { MetadataUpdater } from "./MetadataUpdater.ts"
import * as Self from "./Self.ts"
import type { Service } from "./Service.ts"
import type { Shutdown } from "./Shutdown.ts"
import type { StatusTracker } from "./StatusTracker.ts"

export interface Options {
  readonly loop: MembershipLoop
  readonly links: Pick<LinkManager, "current">
  readonly hub: EventHub
  readonly sender: Sender
  readonly readers: LaneReaders
  readonly readingPeers: ReadingPeers
  readonly deadLetters: DeadLetters
  readonly joiner: Joiner
  readonly shutdown: Shutdown
  readonly observedHosts: ObservedHosts
  readonly status: StatusTracker
  readonly inspector: Inspector
  /** Starts the node. Has no effect if it is already started. */
  readonly start: Effect.Effect<void>
  readonly serialization: TopicSerialization.Service
  readonly limits: Limits.Limits
  readonly metrics: NodeMetrics
  readonly log: NodeLog
}

export const makeService = (options: Options): Service => {
  const { hub, joiner, loop, readers, sender, shutdown, status } = options
  const metadata = new MetadataUpdater({ loop, shutdown })
  return {
    self: Effect.sync(() => Self.describe(loop.state(), options.observedHosts)),
    peers: Effect.sync(() => [...loop.state().view.peers.values()]),
    view: Effect.sync(() => loop.state().view),
    viewUnsafe: () => loop.state().view,
    views: hub.views,
    rtt: (peer) => rtt(peer, options),
    inspect: (query) => options.inspector.inspect(query),
    events: hub.events,
    inbox: readers.inbox,
    status: Effect.sync(() => status.status),
    statuses: status.statuses,
    start: Effect.andThen(options.start, settledOrLeft(status)),
    settled: status.settled,
    stopped: shutdown.stopped,
    receive: readers.receive,
    join: (addresses) => Effect.andThen(options.start, joiner.join(addresses)),
    send: (peer, payload, options) => sender.send(inboxName, peer, payload, options),
    sendAll: (peer, payloads) => sender.sendAll(peer, payloads),
    broadcast: (payload, options) => sender.publish(inboxName, payload, options),
    lane: (name, { format } = {}) => laneOf({ name, format }, options),
    serialization: options.serialization,
    limits: options.limits,
    metrics: options.metrics,
    log: options.log,
    components: new Components(),
    disconnect: (peer) =>
      Effect.suspend(() =>
        shutdown.isRunning
          ? Effect.asVoid(loop.submitAndAwait({ _tag: "Disconnect", name: nameOf(peer) }))
          : Effect.void,
      ),
    updateMetadata: (change) => metadata.update(change),
    leave: shutdown.leave("leave was called"),
  }
}

/** Waits until the node has settled. Fails if it has left, is leaving, or stopped because of an error. */
const settledOrLeft = ({ settled }: StatusTracker): Effect.Effect<void, StoppedError | NodeStopped> =>
  Effect.flatMap(settled, ({ _tag }) =>
    _tag === "Leaving" || _tag === "Stopped" ? Effect.fail(new NodeStopped()) : Effect.void,
  )

const rtt = (peer: PeerRef, { links, loop }: Options): Effect.Effect<Option.Option<Duration.Duration>> =>
  Effect.suspend(() => {
    const { self } = loop.state()
    const name = nameOf(peer)
    const link = links.current(name)
    const life = name === self.name ? self : link?.peer
    // A reference with a generation addresses that generation only.
    if (life === undefined || (typeof peer !== "string" && peer.generation !== life.generation))
      return Effect.succeedNone
    if (life === self || link === undefined) return Effect.succeedSome(Duration.zero)
    return Effect.map(link.measureRtt(), (millis) => Option.map(Option.fromUndefinedOr(millis), Duration.millis))
  })

const laneOf = (lane: ReadLane, options: Options): Effect.Effect<Lane, OptionsError> => {
  const problem = nameProblem(lane.name)
  if (problem !== undefined)
    return Effect.fail(new OptionsError({ option: "lane", problem: `the name of a lane: ${problem}` }))
  const badFormat = lane.format === undefined ? undefined : formatProblem(lane.format)
  return badFormat === undefined
    ? Effect.succeed(makeLane(lane, options))
    : Effect.fail(new OptionsError({ option: "format", problem: `the format of a lane: ${badFormat}` }))
}
