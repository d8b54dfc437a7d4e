/** The life of connections: opened, read and written, ended by one side after the other, or lost. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { Copies } from "./Copies.ts"
import type { Counters } from "./Counters.ts"
import { closed, failure } from "./failure.ts"
import type { Node } from "./Host.ts"
import type { OpenListener } from "./Listener.ts"
import { type End, Link, type Segment } from "./Link.ts"
import type { Way } from "./Way.ts"
import { Wires } from "./Wires.ts"
import type { World } from "./World.ts"

interface Options {
  readonly world: World
  readonly counters: Counters
  /** The bytes that each direction of a connection holds, if nothing else was drawn. */
  readonly sendBuffer: number
  /** After which time a dial is given up; microseconds, as the others. */
  readonly connectTimeout: number
  readonly userTimeout: number
  readonly linger: number
  readonly listeners: ReadonlyMap<Address.Address, OpenListener>
}

export class Connections {
  private readonly options: Options
  private readonly world: World
  private readonly wires: Wires
  readonly links = new Set<Link>()
  private readonly copies = new Copies()
  private dialed = 0

  constructor(options: Options) {
    this.options = options
    this.world = options.world
    this.wires = new Wires({
      world: options.world,
      userTimeout: options.userTimeout,
      deliver: (end, segment) => this.arrive(end, segment),
      giveUp: (end) => this.giveUp(end),
    })
  }

  // Opening.

  /** Sets out to connect. `waiter` of the end is called when it is known how it went. */
  dial(node: Node, address: Address.Address, there: Way, back: Way): End {
    const link = new Link(++this.dialed, address, there, back, this.options.sendBuffer, this.wires.due)
    const end = link.dialer
    end.process = node.process
    end.host.ends++
    this.links.add(link)
    there.links.add(link)
    this.world.observe?.({ _tag: "Dialed", connection: link.id, from: there.from.name, to: there.to.name })
    this.wires.launch(end, "dial")
    const { connectTimeout } = this.options
    if (connectTimeout !== Number.POSITIVE_INFINITY) {
      const { timeline } = this.world
      end.timer = timeline.schedule(timeline.now() + connectTimeout, () => {
        this.options.counters.timeout++
        this.abandon(end, failure("unreachable", `${address} did not answer`))
      })
    }
    return end
  }

  /** Takes a dial back. */
  abandon(end: End, reason: Transport.TransportError): void {
    const { acceptor } = end.link
    // Nobody has heard of it yet, so nobody has to hear that it is over.
    if (acceptor.state === "opening") acceptor.state = "gone"
    this.reset(end, reason)
  }

  // Receiving.

  private wake(end: End): void {
    const { waiter } = end
    if (waiter === undefined) return
    end.waiter = undefined
    end.process.enqueue(waiter)
  }

  private arrive(end: End, segment: Segment): void {
    switch (segment.kind) {
      case "dial": {
        const listener = this.options.listeners.get(end.link.address)
        if (listener === undefined) {
          end.state = "gone"
          this.told(end, "refused")
          return this.wires.launch(end, "reset")
        }
        end.state = "open"
        end.process = listener.node.process
        end.host.ends++
        this.world.observe?.({ _tag: "Accepted", connection: end.link.id })
        this.wires.launch(end, "accepted")
        return listener.offer(end)
      }
      case "accepted": {
        // Whoever dialed has crashed and is back, and knows nothing of it.
        if (end.state === "gone" && end.first === undefined) return this.wires.launch(end, "reset")
        if (end.state !== "opening") return
        end.state = "open"
        end.timer?.cancel()
        end.timer = undefined
        return this.wake(end)
      }
      case "bytes":
        return this.receive(end, segment)
      case "end": {
        if (end.state === "gone") return this.wires.launch(end, "reset")
        return this.receiveEnd(end)
      }
      case "severed": {
        end.peer.mute = true
        if (end.state === "gone") return
        return this.receiveEnd(end)
      }
      case "reset":
        return this.vanish(
          end,
          end.state === "opening"
            ? failure("refused", `${end.link.address} refused the connection`)
            : failure("closed", `the connection to ${end.way.to.name} was reset`),
        )
    }
  }

  private receive(end: End, segment: Segment): void {
    const { peer } = end
    const { bytes } = segment
    peer.flying -= bytes.length
    if (end.state === "open") {
      peer.way.arrived += bytes.length
      end.inbox.push(bytes)
      end.unread += bytes.length
      this.world.observe?.({ _tag: "Arrived", segment: segment.id })
      return this.wake(end)
    }
    this.wires.dropped(segment, `${end.host.name} has closed the connection`)
    if (end.state === "closing") return this.flush(peer)
    return this.wires.launch(end, "reset")
  }

  private receiveEnd(end: End): void {
    end.endReceived = true
    this.wake(end)
    this.settle(end)
  }

  /** Whether `pull` finds anything. */
  holds({ done, endReceived, error, inbox }: End): boolean {
    return inbox.length > 0 || done || error !== undefined || endReceived
  }

  /** What `pull` finds, if it finds anything. */
  take(end: End): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Transport.TransportError | Cause.Done> | undefined {
    const batch = end.inbox
    if (Arr.isArrayNonEmpty(batch)) {
      end.inbox = []
      end.unread = 0
      this.flush(end.peer)
      return Effect.succeed(batch)
    }
    if (end.done) return Cause.done()
    if (end.error !== undefined) return Effect.fail(end.error)
    if (!end.endReceived) return undefined
    end.done = true
    return Cause.done()
  }

  // Sending: outbox, then wire, then the peer's inbox.

  /** Moves what was written to the wire, as far as the send buffer takes it. */
  flush(end: End): void {
    if (end.state === "gone") return
    const { capacity, outbox, peer } = end
    for (let first = outbox[0]; first !== undefined; first = outbox[0]) {
      const room = capacity - end.flying - peer.unread
      const rest = first.length - end.offset
      // Waits for a quarter of the buffer, so that a full one does not drip.
      if (room < Math.min(rest, capacity / 4)) return
      const size = end.way.cut(Math.min(room, rest))
      // A copy, because the receiver owns what it pulls.
      const bytes = this.copies.of(first, end.offset, size)
      end.offset += size
      if (end.offset === first.length) {
        outbox.shift()
        end.offset = 0
      }
      end.flying += size
      this.wires.launch(end, "bytes", bytes)
    }
    if (end.ended && !end.endSent) {
      end.endSent = true
      this.told(end, "end")
      this.wires.launch(end, "end")
    }
    this.settle(end)
    this.resumeWriter(end)
  }

  private resumeWriter(end: End): void {
    const { writer } = end
    if (writer === undefined) return
    end.writer = undefined
    end.process.enqueue(writer)
  }

  /** Nothing more will be written. */
  finish(end: End): void {
    if (end.ended || end.state !== "open") return
    end.ended = true
    this.flush(end)
  }

  // Ending.

  private told(end: End, how: "end" | "reset" | "refused" | "vanished"): void {
    this.world.observe?.({ _tag: "Ended", connection: end.link.id, by: end.host.name, how })
  }

  /** The end exists no more; what it put on the wire still travels. */
  vanish(end: End, reason: Transport.TransportError): void {
    if (end.state === "gone") return
    // What was dialed and has not arrived is nothing yet at the other host.
    if (end.state !== "opening" || end === end.link.dialer) end.host.ends--
    end.state = "gone"
    end.error ??= reason
    end.outbox = []
    end.inbox = []
    end.unread = 0
    end.timer?.cancel()
    if (end.peer.state === "gone") this.forget(end.link)
    this.resumeWriter(end)
    this.wake(end)
  }

  private forget(link: Link): void {
    this.links.delete(link)
    link.dialer.way.links.delete(link)
    this.wires.clear(link.dialer, "the connection is gone")
    this.wires.clear(link.acceptor, "the connection is gone")
  }

  /** Ends it with a reset, behind what was sent before. */
  reset(end: End, reason: Transport.TransportError): void {
    if (end.state === "gone") return
    this.told(end, "reset")
    this.wires.launch(end, "reset")
    this.vanish(end, reason)
  }

  /** Ends it without a word to the other side, which loses what is under way. */
  lose(end: End, reason: Transport.TransportError): void {
    this.wires.clear(end, reason.message)
    if (end.state === "gone") return
    this.told(end, "vanished")
    if (end.link.acceptor.state === "opening") end.link.acceptor.state = "gone"
    this.vanish(end, reason)
  }

  /** Resets both ends at once. */
  cut(link: Link, why: string): void {
    const { acceptor, address, dialer } = link
    for (const end of [acceptor, dialer]) if (end.state !== "gone" && end.state !== "opening") this.told(end, "reset")
    if (acceptor.state === "opening") acceptor.state = "gone"
    this.vanish(acceptor, failure("closed", why))
    this.vanish(dialer, dialer.state === "opening" ? failure("refused", `${address}: ${why}`) : failure("closed", why))
  }

  /** What the end sent did not arrive for too long. */
  private giveUp(end: End): void {
    if (end.state !== "gone") this.options.counters.timeout++
    const { name } = end.way.to
    this.lose(
      end,
      end.state === "opening"
        ? failure("unreachable", `${end.link.address} did not answer`)
        : failure("closed", `the connection to ${name} timed out: nothing could be delivered`),
    )
  }

  /** A closed end is gone when both sides have said all. */
  private settle(end: End): void {
    if (end.state === "closing" && end.endSent && end.endReceived) this.vanish(end, closed(end))
  }

  /** The scope of the connection is closed. */
  close(end: End): void {
    end.done = false
    if (end.state === "gone") return
    end.state = "closing"
    end.error = closed(end)
    end.inbox = []
    end.unread = 0
    end.ended = true
    const { timeline } = this.world
    end.timer = timeline.schedule(timeline.now() + this.options.linger, () => {
      // Without a reset if all arrived: the peer has seen the end and keeps its own side open.
      if (end.endSent && end.first === undefined) this.vanish(end, closed(end))
      else this.reset(end, closed(end))
    })
    this.resumeWriter(end)
    this.flush(end)
    this.flush(end.peer)
    this.wake(end)
  }

  // What goes wrong.

  /** A way may be open again. */
  release(): void {
    for (const { acceptor, dialer } of this.links) {
      this.wires.release(dialer)
      this.wires.release(acceptor)
    }
  }

  /** The other side hears that the end will write no more, which the end does not know; what it writes arrives no more. */
  sever(end: End): void {
    if (!end.endSent) this.wires.launch(end, "severed")
  }
}
