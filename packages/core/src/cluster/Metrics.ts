/**
 * Metrics of a node (docs/metrics.md). They need no fiber: counters are plain sums, and gauges are computed when they
 * are read. Closing the scope of the node removes all of them from the registry.
 */
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { Link } from "../link/Link.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
import type { State } from "../membership/State.ts"
import type { PeerId } from "../Peer.ts"
import { AddedMetrics } from "./AddedMetrics.ts"
import { DetectionTime } from "./DetectionTime.ts"
import { EventMetrics } from "./EventMetrics.ts"
import { LinkMetrics } from "./LinkMetrics.ts"
import { MessageMetrics } from "./MessageMetrics.ts"
import * as NodeGauges from "./NodeGauges.ts"
import * as ObservedMetrics from "./ObservedMetrics.ts"

/** Labels of every metric. They identify the node. */
export type Labels = { readonly cluster: string; readonly node: string }

export class Metrics {
  readonly messages: MessageMetrics
  /** Metrics that packages and the transport add. */
  readonly added: AddedMetrics
  /** Observer that counts events of the links. */
  readonly observer: LinkObserver
  private readonly metrics: ObservedMetrics.ObservedMetrics
  private readonly clock: Clock
  private readonly events: EventMetrics
  private readonly detection: DetectionTime
  private node: NodeGauges.Sources | undefined

  constructor(metrics: ObservedMetrics.ObservedMetrics, clock: Clock, lanes: number) {
    this.metrics = metrics
    this.clock = clock
    this.events = new EventMetrics(metrics)
    this.messages = new MessageMetrics(metrics, lanes)
    this.added = new AddedMetrics(metrics, (lane) => this.messages.laneLabel(lane))
    const links = new LinkMetrics(metrics)
    this.detection = new DetectionTime(metrics, {
      isMember: (name) => this.node?.loop.state().members.has(name) === true,
      members: () => this.node?.loop.state().members.size ?? 0,
    })
    this.observer = {
      received: links.received,
      sent: links.sent,
      connected: (direction, outcome) => links.connected(direction, outcome),
      measured: ({ identity }, millis) => links.measured(identity, millis),
      ended: (link, end) => {
        this.detection.heard(link.peer.name, link.gauges().missingSince)
        links.ended(end)
      },
    }
  }

  /** Counts an event that the node publishes. */
  event(event: ViewChange | Notice): void {
    this.events.event(event)
    if (event._tag === "Failed") {
      const heard = this.linkTo(event.peer)?.gauges().missingSince
      this.detection.failed(event.peer.name, monotonicMillis(this.clock), heard)
    }
    // Another member may have heard the peer.
    if (event._tag === "Recovered") this.detection.heard(event.peer.name, monotonicMillis(this.clock))
  }

  /** Counts a step of the membership. */
  changed(state: State, before: State): void {
    this.events.changed(state, before)
  }

  /** Adds the gauges of the node to the registry. */
  showNode(node: NodeGauges.Sources): void {
    this.node = node
    NodeGauges.show(this.metrics, node)
  }

  /** Returns the link to this generation of the peer, if there is one. */
  private linkTo({ generation, name }: PeerId): Link | undefined {
    const link = this.node?.links.current(name)
    return link?.peer.generation === generation ? link : undefined
  }
}

/** Makes the metrics of a node. Closing the scope removes them. */
export const make = (
  labels: Labels,
  { clock, lanes }: { readonly clock: Clock; readonly lanes: number },
): Effect.Effect<Metrics, never, Scope.Scope> =>
  Effect.map(ObservedMetrics.make(labels), (metrics) => new Metrics(metrics, clock, lanes))
