/** Errors of the simulated transport. */
import * as Transport from "@coterie/core/Transport"
import type { Endpoint } from "./Endpoint.ts"

/** Makes an error with a reason and a message. */
export const transportError = (reason: Transport.TransportError["reason"], message: string): Transport.TransportError =>
  new Transport.TransportError({ reason, message })

/** Makes the error of an operation on a closed endpoint. */
export const connectionClosed = (endpoint: Endpoint): Transport.TransportError =>
  transportError("closed", `the connection to ${endpoint.direction.to.name} is closed`)
