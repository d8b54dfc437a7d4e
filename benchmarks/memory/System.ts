/** Interface that a system implements to be measured. */

/** Node under test. */
export interface Node {
  readonly port: number
  /** Returns the number of links. */
  readonly links: () => number
}

export interface System {
  /** Starts the node under test. It sends a heartbeat to each link every second. */
  readonly listen: () => Promise<Node>
  /** Opens a link of the peer with this number, and answers heartbeats. Returns the function that ends the link. */
  readonly connect: (port: number, peer: number) => Promise<() => void>
}

export const host = "127.0.0.1"

export const heartbeatMillis = 1_000
