/**
 * Request ids of one process of a simulation, counted from 1. `effect/rpc` counts them in a variable of its module,
 * which all nodes and all runs share.
 */
export class RequestIds {
  private last = 0
  private readonly sent = new Map<unknown, number>()
  private readonly original = new Map<number, unknown>()

  /** Replaces the id of a message from a client. Leaves other messages as they are. */
  toWire(message: unknown): unknown {
    if (Array.isArray(message)) return message.map((each) => this.toWire(each))
    if (!isMessage(message)) return message
    if (message._tag === "Request") return { ...message, id: this.add(message.id) }
    if (message._tag !== "Ack" && message._tag !== "Interrupt") return message
    const id = this.sent.get(message.requestId)
    return id === undefined ? message : { ...message, requestId: id }
  }

  private add(id: unknown): number {
    const known = this.sent.get(id)
    if (known !== undefined) return known
    const next = ++this.last
    this.sent.set(id, next)
    this.original.set(next, id)
    return next
  }

  /** Restores the id of a message from a server. Leaves other messages as they are. */
  fromWire(message: unknown): unknown {
    if (!isMessage(message) || (message._tag !== "Chunk" && message._tag !== "Exit")) return message
    const number = Number(message.requestId)
    const id = this.original.get(number)
    if (id === undefined) return message
    if (message._tag === "Exit") {
      this.original.delete(number)
      this.sent.delete(id)
    }
    return { ...message, requestId: id }
  }
}

interface Message {
  readonly _tag: unknown
  readonly id?: unknown
  readonly requestId?: unknown
}

const isMessage = (value: unknown): value is Message => typeof value === "object" && value !== null && "_tag" in value
