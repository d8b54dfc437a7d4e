/**
 * Counters of what became of messages (docs/metrics.md).
 */
import { LaneLabels, LaneTraffic } from "./LaneTraffic.ts"
import type { CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

export class MessageMetrics {
  /** Messages that arrived for readers of this node. */
  readonly received: LaneTraffic
  /** Messages that were accepted for a peer; one to many counts once for each peer. */
  readonly sent: LaneTraffic
  private readonly labels: LaneLabels
  private readonly publishFailures: CounterFamily
  private readonly confirmations: CounterFamily
  private readonly lostMessages: CounterFamily
  private readonly letters: CounterFamily
  private readonly skippedMessages: CounterFamily
  private readonly failures: CounterFamily

  /** `lanes` is the number of lanes that have a label of their own. */
  constructor(metrics: ObservedMetrics, lanes: number) {
    this.labels = new LaneLabels(lanes)
    const messages = metrics.counters("coterie_messages_total", "Messages of each lane.")
    const bytes = metrics.counters("coterie_message_bytes_total", "Bytes of the messages of each lane.")
    this.received = new LaneTraffic({ messages, bytes, direction: "in", labels: this.labels })
    this.sent = new LaneTraffic({ messages, bytes, direction: "out", labels: this.labels })
    this.publishFailures = metrics.counters(
      "coterie_publish_failures_total",
      "Messages to many that did not reach a peer, for each such peer.",
    )
    this.confirmations = metrics.counters(
      "coterie_confirmations_total",
      "Messages that were to be confirmed, by what became of them.",
    )
    this.confirmations.with({ outcome: "taken" })
    this.lostMessages = metrics.counters(
      "coterie_dropped_messages_total",
      "Messages that did not fit the buffer of a reader.",
    )
    this.letters = metrics.counters("coterie_dead_letters_total", "Messages that are not what their topic says.")
    this.skippedMessages = metrics.counters(
      "coterie_skipped_messages_total",
      "Messages to many that went on without a slow peer, for each such peer.",
    )
    this.failures = metrics.counters("coterie_reader_failures_total", "Readers that ended with an error or a defect.")
  }

  /** Returns the label of a lane. */
  laneLabel(lane: string): string {
    return this.labels.of(lane)
  }

  /** Counts a message that was to be confirmed: `taken`, or the tag of the reason of the `SendError`. */
  confirmed(outcome: string): void {
    this.confirmations.with({ outcome }).count++
  }

  /** Counts a message that did not fit the buffer of a reader. */
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

  /** Counts a slow peer without which a message to many went on. */
  skipped(lane: string): void {
    this.skippedMessages.with({ lane: this.labels.of(lane) }).count++
  }

  /** Counts a message that a reader could not use. */
  deadLetter(lane: string): void {
    this.letters.with({ lane: this.labels.of(lane) }).count++
  }
}
