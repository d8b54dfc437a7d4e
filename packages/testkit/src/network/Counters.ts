/** How often each condition of the network really made a difference. */
export class Counters {
  /** Segments that took time on their way. */
  delay = 0
  /** Pairs of hosts that are apart. */
  distance = 0
  /** Times that a segment was lost. */
  loss = 0
  /** Segments that a limited bandwidth held up. */
  bandwidth = 0
  /** Times that a full queue threw a segment away. */
  queue = 0
  /** Segments that were cut. */
  split = 0
  /** Directions of connections with a buffer of another size. */
  sendBuffer = 0
  /** Connections, and dials, that were given up because nothing could be delivered. */
  timeout = 0

  all(): Readonly<Record<string, number>> {
    const { bandwidth, delay, distance, loss, queue, sendBuffer, split, timeout } = this
    return { bandwidth, delay, distance, loss, queue, sendBuffer, split, timeout }
  }
}
