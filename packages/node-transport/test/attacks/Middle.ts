/** A man in the middle of connections over loopback, who sees the records of TLS and decides what arrives in their place. */
import * as Address from "@coterie/core/Address"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { serve } from "../rawServer.ts"

/** A record of TLS on its way to the acceptor (`up`) or to the dialer (`down`). */
export interface Passing {
  readonly direction: "up" | "down"
  /** Header and content. */
  readonly bytes: Buffer
  /** Number of the record in its direction, from 0. */
  readonly index: number
  /** Number of the connection, from 0. */
  readonly connection: number
}

/** Bytes that go on in place of a record. With `isLast`, TCP ends in this direction after them. */
export interface Decision {
  readonly bytes: ReadonlyArray<Buffer>
  readonly isLast?: boolean
}

export type Decide = (passing: Passing) => Decision

/** Lets a record pass. */
export const pass: Decide = ({ bytes }) => ({ bytes: [bytes] })

/** Content types of records. */
export const handshake = 22
export const alert = 21
export const applicationData = 23

/** Cuts the bytes of one direction into records. */
class Records {
  private rest: Buffer = Buffer.alloc(0)

  /** Returns the records that are complete. */
  push(bytes: Buffer): ReadonlyArray<Buffer> {
    this.rest = Buffer.concat([this.rest, bytes])
    const records: Array<Buffer> = []
    for (;;) {
      const length = this.rest.length < 5 ? Infinity : 5 + this.rest.readUInt16BE(3)
      if (this.rest.length < length) return records
      records.push(this.rest.subarray(0, length))
      this.rest = this.rest.subarray(length)
    }
  }
}

/** The two sockets of a connection. */
class Pair {
  private readonly near: Net.Socket
  private readonly far: Net.Socket

  constructor(near: Net.Socket, far: Net.Socket) {
    this.near = near
    this.far = far
  }

  /** Tests whether both nodes have closed the connection. */
  get isClosed(): boolean {
    return this.near.destroyed && this.far.destroyed
  }

  /** Cuts the connection at both ends. */
  cut(): void {
    for (const socket of [this.near, this.far]) {
      // Node never frees a socket that is reset while its end is under way.
      if (socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
}

export class Middle {
  private port = 0
  private decide: Decide = pass
  private readonly pairs: Array<Pair> = []

  /** Leads later connections to this address. */
  lead(address: Address.Address): void {
    this.port = Address.port(address)
  }

  /** Decides so about all records from now on. */
  use(decide: Decide): void {
    this.decide = decide
  }

  /** All connections so far. */
  get connections(): ReadonlyArray<Pair> {
    return this.pairs
  }

  /** Connects a socket that has dialed the man in the middle. */
  readonly accept = (near: Net.Socket): void => {
    const far = Net.createConnection({ host: "127.0.0.1", port: this.port, allowHalfOpen: true, noDelay: true })
    const connection = this.pairs.length
    this.pairs.push(new Pair(near, far))
    far.on("error", () => {})
    near.on("close", () => far.destroy())
    far.on("close", () => near.destroy())
    this.carry(near, far, "up", connection)
    this.carry(far, near, "down", connection)
  }

  private carry(from: Net.Socket, to: Net.Socket, direction: Passing["direction"], connection: number): void {
    const records = new Records()
    let index = 0
    from.on("data", (chunk: Buffer) => {
      for (const bytes of records.push(chunk)) {
        if (to.writableEnded) return
        const decision = this.decide({ direction, bytes, index: index++, connection })
        for (const each of decision.bytes) to.write(each)
        if (decision.isLast === true) to.end()
      }
    })
    from.on("end", () => to.end())
    from.resume()
  }
}

/** Starts a man in the middle at an address of its own. */
export const make = Effect.gen(function* () {
  const middle = new Middle()
  const { address } = yield* serve(middle.accept)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const pair of middle.connections) pair.cut()
    }),
  )
  return { address, middle }
})
