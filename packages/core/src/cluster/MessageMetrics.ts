/** Counts messages by their outcome (docs/metrics.md). */
import { LaneLabels, LaneTraffic } from "./LaneTraffic.ts"
import type { CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

export class MessageMetrics {
  /** Messages that arrived for readers of this node. */
  readonly received: LaneTraffic
  /** Messages that a link accepted. A message to many counts once for each peer. */
  readonly sent: LaneTraffic
  private readonly labels: LaneLabels
  private readonly publishFailures: CounterFamily
  private readonly confirmations: CounterFamily
  private readonly lostMessages: CounterFamily
  private readonly letters: CounterFamily
  private readonly skippedMessages: CounterFamily
  private readonly failures: CounterFamily

  /** Takes the number of lanes with a separate label. */
  constructor(metrics: ObservedMetrics, lanes: number) {
    this.labels = new LaneLabels(lanes)
    const messages = metrics.counters("coterie_messages_total", "Messages of each lane.")
    const bytes = metrics.counters("coterie_message_bytes_total", "Bytes of the messages of each lane.")
    this.received = new LaneTraffic({ messages, bytes, direction: "in", labels: this.labels })
    this.sent = new LaneTraffic({ messages, bytes, direction: "out", labels: this.labels })
    this.publishFailures = metrics.counters(
      "coterie_publish_failures_total",
      "Peers that a message to many did not reach.",
    )
    this.confirmations = metrics.counters("coterie_confirmations_total", "Messages sent with confirm, by outcome.")
    this.confirmations.with({ outcome: "taken" })
    this.lostMessages = metrics.counters(
      "coterie_dropped_messages_total",
      "Messages that did not fit into the buffer of a reader.",
    )
    this.letters = metrics.counters(
      "coterie_dead_letters_total",
      "Messages that a subscription of this node could not decode.",
    )
    this.skippedMessages = metrics.counters(
      "coterie_skipped_messages_total",
      "Slow peers that a message to many skipped.",
    )
    this.failures = metrics.counters("coterie_reader_failures_total", "Readers that ended with an error or a defect.")
  }

  /** Returns the label of a lane. */
  laneLabel(lane: string): string {
    return this.labels.of(lane)
  }

  /** Counts a message with `confirm`. The outcome is `taken`, or the tag of the reason of the `SendError`. */
  confirmed(outcome: string): void {
    this.confirmations.with({ outcome }).count++
  }

  /** Counts a message that did not fit into the buffer of a reader. */
  lost(lane: string, strategy: string): void {
    this.lostMessages.with({ lane: this.labels.of(lane), strategy }).count++
  }

  /** Counts a reader that ended with an error or a defect. */
  readerFailed(lane: string): void {
    this.failures.with({ lane: this.labels.of(lane) }).count++
  }

  /** Counts a peer that a message to many did not reach, by the tag of the reason. */
  publishFailed(lane: string, reason: string): void {
    this.publishFailures.with({ lane: this.labels.of(lane), reason }).count++
  }

  /** Counts a slow peer that a message to many skipped. */
  skipped(lane: string): void {
    this.skippedMessages.with({ lane: this.labels.of(lane) }).count++
  }

  /** Counts a message that a reader could not use. */
  deadLetter(lane: string): void {
    this.letters.with({ lane: this.labels.of(lane) }).count++
  }
}
