/** How the network says no. */
import * as Transport from "@coterie/core/Transport"
import type { End } from "./Link.ts"

export const failure = (reason: Transport.TransportError["reason"], message: string): Transport.TransportError =>
  new Transport.TransportError({ reason, message })

export const closed = (end: End): Transport.TransportError =>
  failure("closed", `the connection to ${end.way.to.name} is closed`)
