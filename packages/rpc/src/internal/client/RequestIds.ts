/** Ids for the requests of one client layer, unique across all nodes and generations. */
import * as Entropy from "@coterie/core/Entropy"
import * as Effect from "effect/Effect"

export class RequestIds {
  /** Keeps a late response to another node, or to an earlier generation of this node, from matching a request. */
  private readonly prefix: string
  private last = 0

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Returns an id that was not returned before. */
  next(): string {
    this.last += 1
    return `${this.prefix}${this.last}`
  }

  /** Reports whether this client layer made the id. */
  owns(id: string): boolean {
    return id.startsWith(this.prefix)
  }
}

/** Makes ids with a random prefix. */
export const make: Effect.Effect<RequestIds> = Effect.map(
  Entropy.Entropy,
  (entropy) => new RequestIds(`${entropy.u32().toString(36)}-${entropy.u32().toString(36)}-`),
)
