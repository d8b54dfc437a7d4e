/**
 * Place of one incoming connection in the handshake.
 */
import type { Connection } from "../Transport.ts"

export class HandshakePlace {
  readonly connection: Pick<Connection, "remoteHost" | "reset">
  /** `true` until the complete Hello has arrived. Until then the connection may give way to a newer one. */
  mayYield = true
  /** `true` once the connection has given way. */
  isDisplaced = false

  constructor(connection: Pick<Connection, "remoteHost" | "reset">) {
    this.connection = connection
  }

  get host(): string {
    return this.connection.remoteHost
  }

  /** Records that the complete Hello has arrived. */
  readonly noteHello = (): void => {
    this.mayYield = false
  }
}
