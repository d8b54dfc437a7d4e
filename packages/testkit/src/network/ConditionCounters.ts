/** Number of effects of each condition of the network. */
export class ConditionCounters {
  /** Segments with a latency. */
  delay = 0
  /** Pairs of hosts with a distance. */
  distance = 0
  /** Losses of segments. */
  loss = 0
  /** Segments that waited for bandwidth. */
  bandwidth = 0
  /** Segments that a full queue dropped. */
  queue = 0
  /** Writes that were split. */
  split = 0
  /** Directions of connections with a send buffer of another size. */
  sendBuffer = 0
  /** Connections and dials that timed out. */
  timeout = 0

  /** Returns the counts by the name of the condition. */
  all(): Readonly<Record<string, number>> {
    const { bandwidth, delay, distance, loss, queue, sendBuffer, split, timeout } = this
    return { bandwidth, delay, distance, loss, queue, sendBuffer, split, timeout }
  }
}
