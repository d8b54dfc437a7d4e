/**
 * The place of one connection of another peer that is in the handshake.
 */
import type { Connection } from "../Transport.ts"

export class HandshakePlace {
  readonly connection: Pick<Connection, "remoteHost" | "reset">
  /** `true` until the whole Hello has arrived: until then the connection gives way to a newcomer. */
  mayYield = true
  /** `true` once the connection had to give way. */
  isDisplaced = false

  constructor(connection: Pick<Connection, "remoteHost" | "reset">) {
    this.connection = connection
  }

  get host(): string {
    return this.connection.remoteHost
  }

  /** Notes that the whole Hello has arrived. */
  readonly noteHello = (): void => {
    this.mayYield = false
  }
}
