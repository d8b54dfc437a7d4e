/**
 * Sockets whose handshake is not complete. Reads the first byte of each, and starts the handshakes when the gate says so.
 */
import type * as Net from "node:net"
import type { Arrival } from "./AcceptQueue.ts"
import { Gate, type GateOptions, type Visitor } from "./Gate.ts"
import type { Beginning, Handshakes, Outcome } from "./Handshakes.ts"
import type { Refusal } from "./Refusal.ts"
import { resetRaw } from "../socket/resetSocket.ts"

export interface WaitingRoomOptions<A extends Arrival> {
  readonly gate: GateOptions
  readonly choose: Extract<Beginning<A>, { readonly _tag: "FirstByte" }>["choose"]
  /** Gets the connections whose handshake is complete. */
  readonly deliver: (arrival: A) => void
  /** Called before a socket is destroyed, except for a dialer that went away. */
  readonly refused: (refusal: Refusal) => void
}

interface Guest<A extends Arrival> {
  readonly raw: Net.Socket
  /** Set once the first byte has arrived. */
  handshakes: Handshakes<A> | undefined
}

/** Longest time of a timer of Node, in milliseconds. A longer one fires at once. */
const maxTimerMillis = 2 ** 31 - 1

export class WaitingRoom<A extends Arrival> {
  private readonly options: WaitingRoomOptions<A>
  private readonly gate: Gate<Guest<A>>
  private timer: NodeJS.Timeout | undefined = undefined
  private timerAt = Number.POSITIVE_INFINITY
  private isProceeding = false

  constructor(options: WaitingRoomOptions<A>) {
    this.options = options
    this.gate = new Gate(options.gate, performance.now())
  }

  /** Takes a socket that is paused and was not read. The caller has a listener for its errors. */
  enter(raw: Net.Socket, address: string): void {
    const arrived = this.gate.arrive({ raw, handshakes: undefined }, address, performance.now())
    if (arrived._tag === "Refused") {
      this.options.refused({ address, reason: arrived.reason })
      return void resetRaw(raw)
    }
    const { displaced, visitor } = arrived
    if (displaced !== undefined) this.reset(displaced, "crowd")
    raw.once("close", () => {
      this.gate.leave(visitor)
      this.proceed()
    })
    raw.once("data", (bytes: Buffer) => this.read(visitor, bytes))
    raw.resume()
    this.proceed()
  }

  /** Destroys all sockets. */
  close(): void {
    clearTimeout(this.timer)
    // They leave first: a socket that is closed makes room, and a handshake would start on the next one, which is destroyed.
    const visitors = [...this.gate.inside()]
    for (const visitor of visitors) this.gate.leave(visitor)
    for (const { socket } of visitors) socket.raw.destroy()
  }

  /**
   * Puts the bytes back for the handshake, as a copy: they are the begin of 64 KiB that Node has allocated for the read. The socket reads
   * no more before the handshake, because its buffer counts as full.
   */
  private read(visitor: Visitor<Guest<A>>, bytes: Buffer): void {
    const { raw } = visitor.socket
    raw.pause()
    raw.unshift(Buffer.from(bytes))
    const handshakes = this.options.choose(bytes[0])
    if (handshakes === undefined) {
      this.gate.fail(visitor, performance.now())
      this.reset(visitor, "plaintext")
    } else {
      visitor.socket.handshakes = handshakes
      this.gate.setReady(visitor)
    }
    this.proceed()
  }

  /** Does what the gate says. A handshake may end while it starts, which then is part of the same run. */
  private proceed(): void {
    if (this.isProceeding) return
    this.isProceeding = true
    let now = performance.now()
    try {
      for (let step = this.gate.next(now); step !== undefined; step = this.gate.next(now)) {
        const { visitor } = step
        if (step._tag === "Cut") this.reset(visitor, step.reason)
        else visitor.socket.handshakes?.start(visitor.socket.raw, (outcome) => this.finish(visitor, outcome))
        now = performance.now()
      }
    } finally {
      // Also after an exception, in a process that goes on after one: otherwise no handshake would ever start again.
      this.isProceeding = false
      this.arm(now)
    }
  }

  private finish(visitor: Visitor<Guest<A>>, outcome: Outcome<A>): void {
    const { raw } = visitor.socket
    // Cut meanwhile.
    if (visitor.state === "gone") return void raw.destroy()
    if (outcome._tag === "Refused") {
      this.gate.fail(visitor, performance.now())
      const { detail, key, reason } = outcome
      this.options.refused({ address: visitor.address, reason, key, detail })
      // A reset could overtake the alert of TLS.
      raw.destroy()
    } else {
      this.gate.leave(visitor)
      if (outcome._tag === "Proved") this.options.gate.known.follow(raw)
      this.options.deliver(outcome.arrival)
    }
    this.proceed()
  }

  private reset({ address, socket: { raw } }: Visitor<Guest<A>>, reason: Refusal["reason"]): void {
    this.options.refused({ address, reason })
    resetRaw(raw)
  }

  /**
   * Sets the timer for the next step of the gate, unless an earlier one is set. `now` is the time at which the gate had no step: a later
   * one could be after the time of the next step, which the gate would not name then.
   */
  private arm(now: number): void {
    const at = this.gate.wakeAt(now)
    if (at >= this.timerAt) return
    clearTimeout(this.timer)
    this.timerAt = at
    this.timer = setTimeout(
      () => {
        this.timerAt = Number.POSITIVE_INFINITY
        this.proceed()
      },
      Math.min(Math.max(1, Math.ceil(at - now)), maxTimerMillis),
    )
    this.timer.unref()
  }
}
