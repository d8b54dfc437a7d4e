/** Connections from dial to end: opening, reading, writing, and ending by one side, by both sides, or by loss. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { ConditionCounters } from "./ConditionCounters.ts"
import { ConnectionTable } from "./ConnectionTable.ts"
import { CopyBuffer } from "./CopyBuffer.ts"
import { Delivery } from "./Delivery.ts"
import type { Direction } from "./Direction.ts"
import type { Connection, Endpoint } from "./Endpoint.ts"
import type { Environment, Observation } from "./Environment.ts"
import type { TransportInstance } from "./Host.ts"
import type { ListenerTable } from "./ListenerTable.ts"
import type { Segment } from "./Segment.ts"
import { SimConnection } from "./SimConnection.ts"
import { connectionClosed, transportError } from "./transportError.ts"

interface Options {
  readonly environment: Environment
  readonly counters: ConditionCounters
  /** Bytes that each direction of a connection holds, unless the direction draws another number. */
  readonly sendBuffer: number
  /** Time after which a dial fails. All times are microseconds. */
  readonly connectTimeout: number
  readonly userTimeout: number
  readonly linger: number
  readonly listeners: ListenerTable
}

export class Connections {
  /** Connections with an endpoint that is not gone. */
  readonly table = new ConnectionTable()
  private readonly options: Options
  private readonly environment: Environment
  private readonly delivery: Delivery
  private readonly copyBuffer = new CopyBuffer()
  private dialed = 0

  constructor(options: Options) {
    this.options = options
    this.environment = options.environment
    this.delivery = new Delivery({
      environment: options.environment,
      userTimeout: options.userTimeout,
      deliver: (endpoint, segment) => this.arrive(endpoint, segment),
      timedOut: (endpoint) => this.timeOut(endpoint),
    })
  }

  // Opening.

  /** Dials the address. Calls the `waiter` of the endpoint when the dial has succeeded or failed. */
  dial(instance: TransportInstance, address: Address.Address, there: Direction, back: Direction): Endpoint {
    const connection = new SimConnection({
      id: ++this.dialed,
      address,
      there,
      back,
      sendBuffer: this.options.sendBuffer,
      onDue: this.delivery.onDue,
    })
    const endpoint = connection.dialer
    endpoint.process = instance.process
    endpoint.proof = instance.identity
    endpoint.host.endpoints++
    this.table.add(connection)
    this.environment.observe?.({
      _tag: "Dialed",
      connection: connection.id,
      from: there.from.name,
      to: there.to.name,
    })
    this.delivery.send(endpoint, "dial")
    const { connectTimeout } = this.options
    if (connectTimeout !== Number.POSITIVE_INFINITY) {
      const { timeline } = this.environment
      endpoint.timer = timeline.schedule(timeline.now() + connectTimeout, () => {
        this.options.counters.timeout++
        this.abortDial(endpoint, transportError("unreachable", `${address} did not answer`))
      })
    }
    return endpoint
  }

  /** Ends a dial before it has succeeded. */
  abortDial(endpoint: Endpoint, reason: Transport.TransportError): void {
    const { acceptor } = endpoint.connection
    // The dial has not arrived at the acceptor, so it needs no reset.
    if (acceptor.state === "opening") acceptor.state = "gone"
    this.reset(endpoint, reason)
  }

  // Receiving.

  private resumeReader(endpoint: Endpoint): void {
    const { waiter } = endpoint
    if (waiter === undefined) return
    endpoint.waiter = undefined
    endpoint.process.enqueue(waiter)
  }

  private arrive(endpoint: Endpoint, segment: Segment): void {
    switch (segment.kind) {
      case "dial":
        return this.receiveDial(endpoint)
      case "accepted":
        return this.receiveAccepted(endpoint)
      case "bytes":
        return this.receiveBytes(endpoint, segment)
      case "end": {
        if (endpoint.state === "gone") return this.delivery.send(endpoint, "reset")
        return this.receiveEnd(endpoint)
      }
      case "severed": {
        endpoint.peer.muted = true
        if (endpoint.state === "gone") return
        return this.receiveEnd(endpoint)
      }
      case "reset":
        return this.terminate(
          endpoint,
          endpoint.state === "opening"
            ? transportError("refused", `${endpoint.connection.address} refused the connection`)
            : transportError("closed", `the connection to ${endpoint.direction.to.name} was reset`),
        )
    }
  }

  private receiveDial(endpoint: Endpoint): void {
    const listener = this.options.listeners.find(endpoint.connection.address)
    if (listener === undefined || (listener.isLoopback && endpoint.direction.to !== endpoint.host)) {
      endpoint.state = "gone"
      this.reportEnded(endpoint, "refused")
      return this.delivery.send(endpoint, "reset")
    }
    endpoint.state = "open"
    endpoint.process = listener.instance.process
    endpoint.proof = listener.instance.identity
    endpoint.host.endpoints++
    this.environment.observe?.({ _tag: "Accepted", connection: endpoint.connection.id })
    this.delivery.send(endpoint, "accepted")
    return listener.offer(endpoint)
  }

  private receiveAccepted(endpoint: Endpoint): void {
    // The dialer has crashed and started again, and the new process does not have the connection.
    if (endpoint.state === "gone" && endpoint.first === undefined) return this.delivery.send(endpoint, "reset")
    if (endpoint.state !== "opening") return
    endpoint.state = "open"
    endpoint.timer?.cancel()
    endpoint.timer = undefined
    return this.resumeReader(endpoint)
  }

  private receiveBytes(endpoint: Endpoint, segment: Segment): void {
    const { peer } = endpoint
    const { bytes } = segment
    peer.inFlight -= bytes.length
    if (endpoint.state === "open") {
      peer.direction.bytesArrived += bytes.length
      endpoint.inbox.push(bytes)
      endpoint.unread += bytes.length
      this.environment.observe?.({ _tag: "Arrived", segment: segment.id })
      return this.resumeReader(endpoint)
    }
    this.delivery.reportDropped(segment, `${endpoint.host.name} has closed the connection`)
    if (endpoint.state === "closing") return this.flush(peer)
    return this.delivery.send(endpoint, "reset")
  }

  private receiveEnd(endpoint: Endpoint): void {
    endpoint.endReceived = true
    this.resumeReader(endpoint)
    this.terminateIfEnded(endpoint)
  }

  /** Returns `true` if a `pull` would not wait. */
  hasInput({ endPulled, endReceived, error, inbox }: Endpoint): boolean {
    return inbox.length > 0 || endPulled || error !== undefined || endReceived
  }

  /** Takes the outcome of a `pull`. Returns `undefined` if the `pull` has to wait. */
  take(
    endpoint: Endpoint,
  ): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Transport.TransportError | Cause.Done> | undefined {
    const batch = endpoint.inbox
    if (Arr.isArrayNonEmpty(batch)) {
      endpoint.inbox = []
      endpoint.unread = 0
      this.flush(endpoint.peer)
      return Effect.succeed(batch)
    }
    if (endpoint.endPulled) return Cause.done()
    if (endpoint.error !== undefined) return Effect.fail(endpoint.error)
    if (!endpoint.endReceived) return undefined
    endpoint.endPulled = true
    return Cause.done()
  }

  // Sending: from the outbox into flight, then into the peer's inbox.

  /** Sends as much of the outbox as the send buffer has room for. */
  flush(endpoint: Endpoint): void {
    if (endpoint.state === "gone") return
    const { outbox, peer, sendBuffer } = endpoint
    for (let first = outbox[0]; first !== undefined; first = outbox[0]) {
      const room = sendBuffer - endpoint.inFlight - peer.unread
      const rest = first.length - endpoint.offset
      // Waits for a quarter of the buffer, so that a full buffer does not send tiny segments.
      if (room < Math.min(rest, sendBuffer / 4)) return
      const size = endpoint.direction.segmentSize(Math.min(room, rest))
      // A copy, because the receiver owns what it pulls.
      const bytes = this.copyBuffer.copy(first, endpoint.offset, size)
      endpoint.offset += size
      if (endpoint.offset === first.length) {
        outbox.shift()
        endpoint.offset = 0
      }
      endpoint.inFlight += size
      this.delivery.send(endpoint, "bytes", bytes)
    }
    if (endpoint.writeEnded && !endpoint.endSent) {
      endpoint.endSent = true
      this.reportEnded(endpoint, "end")
      this.delivery.send(endpoint, "end")
    }
    this.terminateIfEnded(endpoint)
    this.resumeWriters(endpoint)
  }

  private resumeWriters(endpoint: Endpoint): void {
    if (endpoint.writers.size === 0) return
    const writers = [...endpoint.writers]
    endpoint.writers.clear()
    for (const writer of writers) endpoint.process.enqueue(writer)
  }

  /** Ends the stream after all written bytes. */
  endWriting(endpoint: Endpoint): void {
    if (endpoint.writeEnded || endpoint.state !== "open") return
    endpoint.writeEnded = true
    this.flush(endpoint)
  }

  // Ending.

  private reportEnded(endpoint: Endpoint, how: Extract<Observation, { readonly _tag: "Ended" }>["how"]): void {
    this.environment.observe?.({
      _tag: "Ended",
      connection: endpoint.connection.id,
      by: endpoint.host.name,
      how,
    })
  }

  /** Removes the endpoint. Its segments in flight still travel. */
  terminate(endpoint: Endpoint, reason: Transport.TransportError): void {
    if (endpoint.state === "gone") return
    // A dial that has not arrived does not count at the other host.
    if (endpoint.state !== "opening" || endpoint === endpoint.connection.dialer) endpoint.host.endpoints--
    endpoint.state = "gone"
    endpoint.error ??= reason
    endpoint.outbox = []
    endpoint.inbox = []
    endpoint.unread = 0
    endpoint.timer?.cancel()
    endpoint.withdrawal?.cancel()
    if (endpoint.peer.state === "gone") this.forget(endpoint.connection)
    this.resumeWriters(endpoint)
    this.resumeReader(endpoint)
  }

  private forget(connection: Connection): void {
    const { acceptor, dialer } = connection
    this.table.remove(connection)
    this.delivery.drop(dialer, "the connection is gone")
    this.delivery.drop(acceptor, "the connection is gone")
  }

  /** Ends the endpoint with a reset, which travels behind the segments in flight. */
  reset(endpoint: Endpoint, reason: Transport.TransportError): void {
    if (endpoint.state === "gone") return
    this.reportEnded(endpoint, "reset")
    this.delivery.send(endpoint, "reset")
    this.terminate(endpoint, reason)
  }

  /** Ends the endpoint without a segment to the peer, and drops its segments in flight. */
  vanish(endpoint: Endpoint, reason: Transport.TransportError): void {
    this.delivery.drop(endpoint, reason.message)
    if (endpoint.state === "gone") return
    this.reportEnded(endpoint, "vanished")
    const { acceptor } = endpoint.connection
    if (acceptor.state === "opening") acceptor.state = "gone"
    this.terminate(endpoint, reason)
  }

  /** Resets both endpoints at once. */
  resetBoth({ acceptor, address, dialer }: Connection, why: string): void {
    for (const endpoint of [acceptor, dialer]) {
      if (endpoint.state !== "gone" && endpoint.state !== "opening") this.reportEnded(endpoint, "reset")
    }
    if (acceptor.state === "opening") acceptor.state = "gone"
    this.terminate(acceptor, transportError("closed", why))
    this.terminate(
      dialer,
      dialer.state === "opening" ? transportError("refused", `${address}: ${why}`) : transportError("closed", why),
    )
  }

  /** Ends an endpoint whose segments could not be delivered within the user timeout. */
  private timeOut(endpoint: Endpoint): void {
    if (endpoint.state !== "gone") this.options.counters.timeout++
    endpoint.timedOut = true
    const { name } = endpoint.direction.to
    this.vanish(
      endpoint,
      endpoint.state === "opening"
        ? transportError("unreachable", `${endpoint.connection.address} did not answer`)
        : transportError("closed", `the connection to ${name} timed out: no bytes could be delivered`),
    )
  }

  /** Removes a closed endpoint once both sides have ended their streams. */
  private terminateIfEnded(endpoint: Endpoint): void {
    if (endpoint.state === "closing" && endpoint.endSent && endpoint.endReceived) {
      this.terminate(endpoint, connectionClosed(endpoint))
    }
  }

  /** Closes the endpoint. Sends the written bytes, and resets the connection after the linger time. */
  close(endpoint: Endpoint): void {
    endpoint.endPulled = false
    if (endpoint.state === "gone") return
    endpoint.state = "closing"
    endpoint.error = connectionClosed(endpoint)
    endpoint.inbox = []
    endpoint.unread = 0
    endpoint.writeEnded = true
    const { timeline } = this.environment
    endpoint.timer = timeline.schedule(timeline.now() + this.options.linger, () => {
      // No reset if everything has arrived: the peer has seen the end and keeps its own side open.
      if (endpoint.endSent && endpoint.first === undefined) this.terminate(endpoint, connectionClosed(endpoint))
      else this.reset(endpoint, connectionClosed(endpoint))
    })
    this.resumeWriters(endpoint)
    this.flush(endpoint)
    this.flush(endpoint.peer)
    this.resumeReader(endpoint)
  }

  // Proofs.

  /**
   * Asks the program of the endpoint for another connection. Resets the connection after the time, in microseconds; an
   * infinite time lets it be.
   */
  withdraw(endpoint: Endpoint, within: number): void {
    if (endpoint.state !== "open") return
    if (!endpoint.renewing) {
      endpoint.renewing = true
      const { renewer } = endpoint
      endpoint.renewer = undefined
      if (renewer !== undefined) endpoint.process.enqueue(renewer)
    }
    if (within === Number.POSITIVE_INFINITY || endpoint.withdrawal !== undefined) return
    const { timeline } = this.environment
    endpoint.withdrawal = timeline.schedule(timeline.now() + within, () => {
      this.reset(endpoint, transportError("closed", `the proof of ${endpoint.direction.to.name} was withdrawn`))
    })
  }

  // Faults.

  /** Resumes the deliveries in directions that are open again. */
  resumeDelivery(): void {
    for (const { acceptor, dialer } of this.table.all()) {
      this.delivery.resume(dialer)
      this.delivery.resume(acceptor)
    }
  }

  /**
   * Makes the peer receive an end that the endpoint did not send. The endpoint does not notice, and no bytes that it
   * writes later arrive.
   */
  sever(endpoint: Endpoint): void {
    if (!endpoint.endSent) this.delivery.send(endpoint, "severed")
  }
}
